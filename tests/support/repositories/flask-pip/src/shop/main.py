from flask import Flask
from shop.words import GREETING

app = Flask(__name__)


@app.route("/")
def index() -> str:
    return GREETING


@app.route("/ping")
def ping() -> str:
    return "pong"
