"""What is proposed for repositories of Python."""

from __future__ import annotations

import pytest

from support.blueprints import Proposed

FASTAPI = {
    "pyproject.toml": '[project]\nname = "Shop_API"\ndependencies = ["fastapi[standard]>=1", "asyncpg"]\n',
    "uv.lock": "",
    "src/shop/main.py": 'app = FastAPI()\n\n@app.get("/healthz")\nasync def healthz(): ...\n',
}


def test_fastapi_with_uv() -> None:
    found = Proposed(
        {
            **FASTAPI,
            "alembic.ini": "",
            ".env.example": "DATABASE_URL=postgresql+asyncpg://a:b@localhost/shop?ssl=1\n",
        }
    )
    assert found.data["project"] == "shop-api"
    assert found.services["api"] == {
        "kind": "app",
        "build": {"context": "."},
        "port": 8000,
        "health": "/healthz",
        "domain": "shop-api.localhost",
        "env": {
            "DATABASE_URL": "postgresql+asyncpg://${db.user}:${db.password}@${db.host}:${db.port}/${db.database}?ssl=1"
        },
    }
    text = found.dockerfile()
    assert "uv sync --locked --no-dev --no-install-project\n" in text
    assert '"uvicorn", "shop.main:app", "--host", "0.0.0.0", "--port", "8000"' in text
    assert "AS build" not in text, "nothing is to be built"
    assert found.gaps(blocking=True) == set()


@pytest.mark.parametrize(
    ("files", "target", "is_on_path"),
    [
        ({"src/shop/main.py": "app = Flask(__name__)\n"}, "shop.main:app", True),
        ({"src/main.py": "import db\napp = Flask(__name__)\n", "src/db.py": ""}, "main:app", True),
        ({"src/main.py": "from .db import x\napp = Flask(__name__)\n"}, "src.main:app", False),
        ({"src/main.py": "app = Flask(__name__)\n", "src/__init__.py": ""}, "src.main:app", False),
        ({"src/shop/a.py": "from src.shop import db\napp = Flask(__name__)\n"}, "src.shop.a:app", False),
        ({"src/shop/a.py": "from . import db\napp = Flask(__name__)\n"}, "shop.a:app", True),
        ({"main.py": "app = Flask(__name__)\n", "src/db.py": ""}, "main:app", False),
    ],
)
def test_src_is_on_the_path_where_modules_are_imported_from_it(
    files: dict[str, str], target: str, is_on_path: bool
) -> None:
    text = Proposed({"requirements.txt": "flask\ngunicorn\n", **files}).dockerfile()
    assert f'"{target}"]' in text
    assert ("ENV PYTHONPATH=/app/src\n" in text) == is_on_path


def test_a_package_that_is_installed_needs_no_path() -> None:
    build = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
    files = {**FASTAPI, "pyproject.toml": FASTAPI["pyproject.toml"] + build}
    assert "PYTHONPATH" in Proposed(FASTAPI).dockerfile()
    assert "PYTHONPATH" not in Proposed(files).dockerfile()
    beside = {"src/main.py": FASTAPI["src/shop/main.py"], "src/shop/main.py": ""}
    assert "PYTHONPATH" in Proposed({**files, **beside}).dockerfile(), "a module beside the package"


def test_a_worker_of_celery_in_src() -> None:
    files = {"requirements.txt": "flask\ngunicorn\ncelery\nredis\n", "app.py": "app = Flask(__name__)\n"}
    found = Proposed({**files, "src/jobs/tasks.py": "queue = Celery()\n"})
    assert found.services["worker"]["command"] == "celery --app jobs.tasks:queue worker --loglevel info"
    assert "ENV PYTHONPATH=/app/src\n" in found.dockerfile()


def test_a_project_that_is_a_package_is_installed_itself() -> None:
    pyproject = (
        FASTAPI["pyproject.toml"]
        + '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
    )
    text = Proposed({**FASTAPI, "pyproject.toml": pyproject}).dockerfile()
    assert "uv sync --locked --no-dev --no-editable\n" in text
    assert 'COPY --from=build ["/app/.venv", ".venv"]' in text


def test_alembic_is_run_where_it_is_installed() -> None:
    pyproject = FASTAPI["pyproject.toml"].replace('"asyncpg"', '"asyncpg", "alembic"')
    found = Proposed({**FASTAPI, "pyproject.toml": pyproject, "alembic.ini": ""})
    assert found.services["api"]["release"] == "alembic upgrade head"
    assert "release" not in Proposed({**FASTAPI, "alembic.ini": ""}).services["api"]


def test_what_is_missing_is_told() -> None:
    pyproject = '[project]\nname = "shop"\nrequires-python = "==3.11.*"\ndependencies = ["fastapi"]\n'
    code = "from fastapi import FastAPI\n\napp = FastAPI()\n"
    found = Proposed({"pyproject.toml": pyproject, "main.py": code})
    assert found.gaps(blocking=True) == {"api.health", "pyproject.toml"}
    assert found.gaps(blocking=False) == {"api.build", "pyproject.toml"}
    assert "uv pip install uvicorn==" in found.dockerfile()
    assert "uv sync --no-dev --no-install-project\n" in found.dockerfile()


def test_an_application_that_a_function_makes() -> None:
    code = "from flask import Flask\n\ndef create_app():\n    app = Flask(__name__)\n    return app\n"
    found = Proposed(
        {"requirements.txt": "flask==3.1.0 \\\n    --hash=sha256:00\ngunicorn\n", "shop/__init__.py": code}
    )
    assert '"shop:create_app()"]' in found.dockerfile()
    found = Proposed(
        {
            "requirements.txt": "flask\n",
            "shop/__init__.py": code,
            "wsgi.py": "from shop import create_app\napp = create_app()\n",
        }
    )
    assert '"wsgi:app"]' in found.dockerfile()


HIDDEN = "if True:\n    app = make()\n"


@pytest.mark.parametrize(
    ("web", "path", "target"),
    [
        ("gunicorn app:app", "app.py", '"app:app"]'),
        ("gunicorn -b 0.0.0.0:$PORT 'shop.wsgi:make()' --workers 3", "shop/wsgi.py", '"shop.wsgi:make()"]'),
        ("gunicorn shop:app", "src/shop/__init__.py", '"shop:app"]'),
        ("gunicorn other:app", "app.py", None),
        ("python server.py a:b", "a.py", None),
    ],
)
def test_a_procfile_names_an_application_that_the_code_hides(web: str, path: str, target: str | None) -> None:
    found = Proposed({"requirements.txt": "flask\ngunicorn\n", path: HIDDEN, "Procfile": f"web: {web}\n"})
    assert found.gaps(blocking=True) == ({"api.health"} if target else {"api.build"})
    assert target is None or target in found.dockerfile()
    assert target is None or ("PYTHONPATH" in found.dockerfile()) == path.startswith("src/")


def test_what_stands_in_the_code_comes_before_the_procfile() -> None:
    files = {
        "requirements.txt": "fastapi\nuvicorn\n",
        "old.py": HIDDEN,
        "Procfile": "web: uvicorn --factory old:new\n",
    }
    assert '"--factory", "old:new"' in Proposed(files).dockerfile()
    assert '"main:app"' in Proposed({**files, "main.py": "app = FastAPI()\n"}).dockerfile()


def test_without_an_application_no_dockerfile_is_written() -> None:
    found = Proposed({"requirements.txt": "flask\n", "util.py": "x = 1\n"})
    assert found.files == set()
    assert found.gaps(blocking=True) == {"api.build"}


@pytest.mark.parametrize(
    ("code", "health"),
    [
        ('app = Flask(__name__)\n@app.route("/healthz")\ndef a(): ...\n', "/healthz"),
        (
            'app = Flask("a")\nbp = Blueprint("x", "a", url_prefix="/api")\n@bp.get("/ping")\ndef a(): ...\n',
            "/api/ping",
        ),
        ('app = Flask(__name__)\n@app.get("/")\ndef a(): ...\n', "/"),
    ],
)
def test_flask_routes(code: str, health: str) -> None:
    assert (
        Proposed({"requirements.txt": "flask\ngunicorn\n", "app.py": code}).services["api"]["health"]
        == health
    )


def test_requirements_that_include_others() -> None:
    found = Proposed(
        {
            "requirements/base.txt": "flask\nredis\n",
            "requirements/production.txt": "-r base.txt\ngunicorn  # the server\n",
            "requirements/dev.txt": "-r base.txt\nfastapi\n",
            "app.py": 'app = Flask(__name__)\n@app.get("/health")\ndef a(): ...\n',
        }
    )
    assert list(found.services) == ["cache", "api"]
    text = found.dockerfile()
    assert 'COPY ["requirements", "requirements/"]' in text
    assert "uv pip install --requirement requirements/production.txt\n" in text


SETTINGS = """\
import os
SECRET_KEY = os.environ["DJANGO_SECRET_KEY"]
DATABASES = {"default": dj_database_url.parse(os.environ["DATABASE_URL"])}
ROOT_URLCONF = "config.urls"
STATIC_ROOT = BASE_DIR / "var" / "static"
MIDDLEWARE = ["whitenoise.middleware.WhiteNoiseMiddleware"]
"""
DJANGO = {
    "requirements.txt": "Django>=5\npsycopg[binary]\ngunicorn\n",
    "manage.py": 'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")\n',
    "config/settings.py": SETTINGS + 'ALLOWED_HOSTS = ["*"]\n',
    "config/wsgi.py": "",
    "config/urls.py": 'urlpatterns = [path("healthz", ok), path("shop/", include("shop.urls"))]\n',
    "shop/urls.py": 'urlpatterns = [path("health", ok)]\n',
}


def test_django() -> None:
    found = Proposed(DJANGO)
    assert found.services["web"] == {
        "kind": "app",
        "build": {"context": "."},
        "port": 8000,
        "health": "/healthz",
        "release": "python manage.py migrate --noinput",
        "domain": "shop.localhost",
        "env": {"DATABASE_URL": "${db.url}"},
    }
    text = found.dockerfile()
    assert (
        "DATABASE_URL=sqlite:////tmp/build.sqlite3 DJANGO_SECRET_KEY=build python manage.py collectstatic"
        in text
    )
    assert 'COPY --from=build ["/app/var/static", "var/static/"]' in text
    assert '"config.wsgi:application"]' in text
    assert found.gaps(blocking=True) == found.gaps(blocking=False) == set()


@pytest.mark.parametrize(
    ("hosts", "env", "blocking"),
    [
        ('ALLOWED_HOSTS = ["shop.example.org"]\n', {}, {"web.health"}),
        ("ALLOWED_HOSTS = []\n", {}, {"web.health"}),
        ("", {}, {"web.health"}),
        ('ALLOWED_HOSTS = ["*"]\n', {}, set()),
        (
            'ALLOWED_HOSTS = os.environ["DJANGO_ALLOWED_HOSTS"].split(",")\n',
            {"DJANGO_ALLOWED_HOSTS": "*"},
            set(),
        ),
        (
            'ALLOWED_HOSTS = env.list(\n    "ALLOWED_HOSTS",\n    default=[],\n)\nDEBUG = False\n',
            {"ALLOWED_HOSTS": "*"},
            set(),
        ),
    ],
)
def test_the_probe_of_django_has_a_host_of_its_own(
    hosts: str, env: dict[str, str], blocking: set[str]
) -> None:
    found = Proposed({**DJANGO, "config/settings.py": SETTINGS + hosts})
    assert found.gaps(blocking=True) == blocking
    assert {name: value for name, value in found.services["web"]["env"].items() if "HOSTS" in name} == env


def test_settings_in_several_files() -> None:
    files = {path: text for path, text in DJANGO.items() if path != "config/settings.py"}
    files["manage.py"] = 'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.production")\n'
    files |= {
        "config/settings/base.py": SETTINGS,
        "config/settings/production.py": 'from .base import *\nALLOWED_HOSTS = ["*"]\n',
    }
    found = Proposed(files)
    assert '"config.wsgi:application"]' in found.dockerfile()
    assert found.gaps(blocking=True) == set()


def test_celery_is_a_worker() -> None:
    files = {
        **DJANGO,
        "requirements.txt": "django\ngunicorn\ncelery[redis]\nredis\n",
        "config/celery.py": 'app = Celery("shop")\n',
    }
    found = Proposed(files)
    assert found.services["worker"]["command"] == "celery --app config.celery:app worker --loglevel info"
    assert found.services["worker"]["build"] == found.services["web"]["build"]
    assert "port" not in found.services["worker"]


def test_a_package_json_beside_django_makes_its_styles_only() -> None:
    package = {"name": "styles", "scripts": {"build": "vite build"}, "devDependencies": {"vite": "8"}}
    found = Proposed({**DJANGO, "package.json": package})
    assert list(found.services) == ["db", "web"]
    assert found.services["web"]["build"] == {"context": "."}


def test_a_router_that_is_included_elsewhere_is_not_believed_blindly() -> None:
    main = "app = FastAPI()\napp.include_router(router, prefix=settings.API)\n"
    routes = 'router = APIRouter(prefix="/utils")\n@router.get("/health-check/")\ndef check(): ...\n'
    found = Proposed({**FASTAPI, "src/shop/main.py": main, "src/shop/routes.py": routes})
    assert found.services["api"]["health"] == "/utils/health-check/"
    assert found.gaps(blocking=False) == {"api.health"}


def test_django_without_its_manage_py() -> None:
    found = Proposed({"requirements.txt": "django\n", "src/manage.py": ""})
    assert found.gaps(blocking=True) == {"web.build"}
    assert found.files == set()


POETRY = '[tool.poetry]\nname = "shop"\n[tool.poetry.dependencies]\npython = "^3.11"\nflask = "^3.1"\n'


def test_poetry_says_what_is_locked_and_uv_installs_it() -> None:
    files = {"pyproject.toml": POETRY, "poetry.lock": "", "app.py": "app = Flask(__name__)\n"}
    text = Proposed(files).dockerfile()
    assert 'COPY ["pyproject.toml", "poetry.lock", "./"]' in text
    assert (
        " export --only main --output /tmp/requirements.txt && uv venv /app/.venv && uv pip install " in text
    )
    assert " lock && " not in text
    del files["poetry.lock"]
    found = Proposed(files)
    assert " lock && uv tool run " in found.dockerfile()
    (gap,) = [one for one in found.proposal.gaps if one.about == "pyproject.toml"]
    assert gap.remedy == "run poetry lock and commit poetry.lock"


def member(name: str, *needs: str, package: bool = False) -> str:
    build = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n' if package else ""
    dependencies = ", ".join(f'"{one}"' for one in needs)
    return f'[project]\nname = "{name}"\ndependencies = [{dependencies}]\n{build}'


SPACE = {
    "pyproject.toml": '[tool.uv.workspace]\nmembers = ["apps/*", "libs/*"]\nexclude = ["apps/old"]\n',
    "uv.lock": "",
    "apps/api/pyproject.toml": member("Shop.API", "flask", "gunicorn", "shop-core"),
    "apps/api/main.py": "app = Flask(__name__)\n",
    "apps/old/pyproject.toml": member("old", "flask"),
    "apps/old/main.py": "app = Flask(__name__)\n",
    "libs/core/pyproject.toml": member("shop_core", package=True),
}


def test_a_member_of_a_workspace_is_built_where_its_lock_file_is() -> None:
    found = Proposed(SPACE)
    assert found.services["api"]["build"] == {"context": ".", "dockerfile": "apps/api/Dockerfile"}
    text = found.dockerfile("apps/api/Dockerfile")
    for line in (
        "# Build context: the root of the workspace.",
        'COPY ["pyproject.toml", "uv.lock", "./"]',
        'COPY ["apps/api/pyproject.toml", "apps/api/"]',
        'COPY ["libs/core/pyproject.toml", "libs/core/"]',
        "    uv sync --locked --no-dev --package Shop.API --no-install-workspace",
        "    uv sync --locked --no-dev --package Shop.API --no-editable",
        'COPY ["apps/api/", "./"]',
    ):
        assert line in text.splitlines()
    assert "apps/old" not in text
    assert ".dockerignore" in found.files
    # What is excluded stands alone, without a lock file.
    assert found.services["old"]["build"] == {"context": "apps/old"}
    assert "apps/old/pyproject.toml" in found.gaps(blocking=False)
    assert "apps/api/pyproject.toml" not in found.gaps(blocking=False)


def test_a_member_that_needs_no_other_is_not_built() -> None:
    text = Proposed({**SPACE, "apps/api/pyproject.toml": member("api", "flask", "gunicorn")}).dockerfile(
        "apps/api/Dockerfile"
    )
    assert "AS build" not in text


def test_the_root_of_a_workspace_may_be_the_program() -> None:
    root = member("shop", "flask", "gunicorn", "shop-core") + '[tool.uv.workspace]\nmembers = ["libs/core"]\n'
    files = {"pyproject.toml": root, "uv.lock": "", "main.py": "app = Flask(__name__)\n"}
    found = Proposed({**files, "libs/core/pyproject.toml": SPACE["libs/core/pyproject.toml"]})
    assert found.services["api"]["build"] == {"context": "."}
    text = found.dockerfile()
    assert 'COPY ["libs/core/pyproject.toml", "libs/core/"]' in text
    assert "uv sync --locked --no-dev --package shop --no-editable" in text
    assert "COPY . ." in text


def test_static_files_of_a_member_are_collected_in_its_folder() -> None:
    files = {f"apps/web/{path}": text for path, text in DJANGO.items() if path != "requirements.txt"}
    files["apps/web/pyproject.toml"] = member("web", "django", "gunicorn", "whitenoise")
    text = Proposed({**files, "pyproject.toml": SPACE["pyproject.toml"], "uv.lock": ""}).dockerfile(
        "apps/web/Dockerfile"
    )
    assert "cd apps/web && DATABASE_URL=" in text
    assert 'COPY --from=build ["/app/apps/web/var/static", "var/static/"]' in text


@pytest.mark.parametrize("name", ["a; id", "--help", "$(id)", "a b", ""])
def test_a_hostile_name_reaches_no_command(name: str) -> None:
    files = {**SPACE, "apps/api/pyproject.toml": member(name, "flask")}
    assert "--package" not in Proposed(files).dockerfile("apps/api/Dockerfile")
