GREETING = "flask from src"
