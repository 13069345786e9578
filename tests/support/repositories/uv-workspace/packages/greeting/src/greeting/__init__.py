def greeting() -> str:
    return "from the workspace"
