from flask import Flask

app = Flask(__name__)


@app.route("/")
def index() -> str:
    return "poetry"


@app.route("/ping")
def ping() -> str:
    return "pong"
