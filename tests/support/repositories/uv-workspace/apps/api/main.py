from flask import Flask
from greeting import greeting

app = Flask(__name__)


@app.get("/health")
def health() -> str:
    return "ok"


@app.get("/")
def index() -> str:
    return greeting()
