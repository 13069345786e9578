"""What becomes of the variables of an example file."""

from __future__ import annotations

import pytest

from havre.domain.blueprint.example_files import Example
from havre.domain.blueprint.variables import Around, Decided, decide, looks_secret
from support.blueprints import Proposed, package

AROUND = Around(own="api", database="db", cache="cache", pages="web", api="api")


def value_of(name: str, value: str, around: Around = AROUND) -> object:
    """What is written for a variable: its value, ``secret NAME``, ``gap`` or None for nothing."""
    found: Decided = decide(Example(name, value, ".env.example"), around)
    if found.secret:
        return f"secret {found.secret}"
    if found.gap:
        return "gap"
    return found.entry.value if found.entry else None


@pytest.mark.parametrize(
    ("name", "value", "written"),
    [
        ("PORT", "3000", None),
        ("NODE_ENV", "development", None),
        ("DEBUG", "true", None),
        ("TEST_DATABASE_URL", "postgres://localhost/test", None),
        ("APP_ENV", "local", "production"),
        ("DATABASE_URL", "postgresql://u:p@localhost:5432/shop?schema=public", "${db.url}?schema=public"),
        ("DATABASE_URL", "", "${db.url}"),
        ("DIRECT_URL", "postgres://localhost/shop", "${db.url}"),
        ("DATABASE_URL", "mysql://root@localhost/shop", "secret database-url"),
        ("PGHOST", "localhost", "${db.host}"),
        ("DB_USERNAME", "shop", "${db.user}"),
        ("POSTGRES_PASSWORD", "x", "${db.password}"),
        ("DB_NAME", "shop", "${db.database}"),
        ("REDIS_URL", "redis://localhost:6379", "${cache.url}"),
        (
            "CELERY_BROKER_URL",
            "redis://localhost:6379/3",
            "redis://:${cache.password}@${cache.host}:${cache.port}/3",
        ),
        ("REDIS_HOST", "localhost", "${cache.host}"),
        ("SESSION_SECRET", "change-me", "secret session-secret"),
        ("STRIPE_API_KEY", "", "secret stripe-api-key"),
        ("SENTRY_DSN", "https://abc@sentry.example.org/1", "secret sentry-dsn"),
        ("SMTP_URL", "smtp://user:pass@mail.example.org", "secret smtp-url"),
        ("PRIVATE_KEY", "-----BEGIN KEY-----\nabc\n", "secret private-key"),
        ("TOKEN_TTL", "15m", "15m"),
        ("AWS_ACCESS_KEY_ID", "AKIA", "AKIA"),
        ("STRIPE_PUBLISHABLE_KEY", "pk_1", "pk_1"),
        ("JWT_EXPIRES_IN", "3600", "3600"),
        ("WEB_ORIGIN", "http://localhost:5173", "${web.public_url}"),
        ("API_URL", "http://localhost:3000/v1", "${api.public_url}/v1"),
        ("BETTER_AUTH_URL", "http://localhost:3000/", "${api.public_url}"),
        ("S3_ENDPOINT", "http://localhost:9000", "gap"),
        ("SMTP_HOST", "localhost", "gap"),
        ("MAIL_FROM", "", "gap"),
        ("PRICE", "5$ ${x}", "5$$ $${x}"),
        ("LOG_LEVEL", "info", "info"),
    ],
)
def test_a_variable(name: str, value: str, written: object) -> None:
    assert value_of(name, value) == written


def test_without_a_database_nothing_refers_to_one() -> None:
    alone = Around(own="api")
    assert value_of("DB_HOST", "db.example.org", alone) == "db.example.org"
    assert value_of("REDIS_URL", "", alone) == "gap"
    assert value_of("WEB_ORIGIN", "http://localhost:5173", alone) == "gap"


@pytest.mark.parametrize("value", ["true", "0", "30s"])
def test_a_switch_is_no_secret(value: str) -> None:
    assert not looks_secret("USE_TOKEN", value)


@pytest.mark.parametrize(
    "name",
    ["JWT_SECRET", "ADMIN_TOKEN", "TOKEN", "STRIPE_API_KEY", "PRIVATE_KEY_PIN", "HASH_SALT", "PEPPER",
     "SMTP_PASS", "DB_PASSWORD", "ENCRYPTION_KEY", "jwt_secret"],
)  # fmt: skip
@pytest.mark.parametrize("value", ["1234", "123456", "0", "30d"])
def test_a_number_may_be_a_secret(name: str, value: str) -> None:
    assert looks_secret(name, value)


@pytest.mark.parametrize(
    "name", ["PASSWORD_RESET_TIMEOUT", "SECRET_MAX_AGE", "TOKEN_TTL", "PASSWORD_MIN_LENGTH"]
)
def test_how_long_a_secret_is_good_is_none(name: str) -> None:
    assert not looks_secret(name, "3600")


def test_no_value_of_a_secret_gets_into_the_manifest() -> None:
    files = {
        "package.json": package({"start": "node a.js"}, "express"),
        "a.js": "app.listen(1)",
        "package-lock.json": "{}",
    }
    found = Proposed({**files, ".env.example": "API_TOKEN=hunter2\nSMTP=smtp://me:hunter2@mail\n"})
    assert "hunter2" not in found.text + str(found.proposal)
    assert set(found.proposal.secrets) == {"api-token", "smtp"}


SEVERAL = {
    "api/package.json": package({"start": "node a.js"}, "express", name="api"),
    "api/package-lock.json": "{}",
    "api/a.js": "process.env.MODE; app.listen(3000)",
    "jobs/requirements.txt": "fastapi\nuvicorn\n",
    "jobs/main.py": "app = FastAPI()\nprint(os.environ['SHAPE'], colour)\n",
}
PYDANTIC = {
    "backend/requirements.txt": "fastapi\nuvicorn\npydantic-settings\n",
    "backend/app/main.py": (
        "class Settings(BaseSettings):\n    database_url: str\n    jwt_secret: SecretStr\n\napp = FastAPI()\n"
    ),
}


def said_of(found: Proposed) -> list[str]:
    return [gap.what for gap in found.proposal.gaps if gap.about == ".env.example"]


def test_the_example_file_of_the_top_is_shared_by_what_the_code_names() -> None:
    found = Proposed({**SEVERAL, ".env.example": "MODE=fast\nSHAPE=round\nCOLOUR=blue\nSIZE=9\nDEBUG=1\n"})
    assert found.services["api"]["env"] == {"MODE": "fast"}
    assert found.services["jobs"]["env"] == {"SHAPE": "round"}
    assert said_of(found) == ["no code names COLOUR, SIZE, so no service gets them"]
    assert "not taken over from .env.example: DEBUG (not for production)" in found.proposal.notes


def test_code_of_no_service_that_names_a_variable_is_told() -> None:
    found = Proposed(
        {**SEVERAL, "shared/mail.js": "process.env.MAIL_FROM", ".env.example": "MAIL_FROM=a@b.example\n"}
    )
    assert said_of(found) == ["MAIL_FROM is named by shared/mail.js alone, which is code of no app"]


def test_a_program_that_is_alone_gets_every_variable() -> None:
    example = (
        "DATABASE_URL=postgres://localhost/x\nJWT_SECRET=abcdef\nSMTP_HOST=mail.example.org\nHOST=0.0.0.0\n"
    )
    found = Proposed({**PYDANTIC, ".env.example": example})
    assert found.services["api"]["env"] == {
        "DATABASE_URL": "${db.url}",
        "JWT_SECRET": {"secret": "jwt-secret"},
        "SMTP_HOST": "mail.example.org",
    }
    assert found.services["db"]["kind"] == "postgres"
    assert said_of(found) == []
    assert found.proposal.notes == ("not taken over from .env.example: HOST (which Havre and the image set)",)


def test_lines_that_are_no_variables_are_named_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    example = 'MODE=fast\n\n\nKEY="hunter2\nCOLOUR=blue\n# a comment\n=hunter2\nMODE=slow\n'
    found = Proposed({**PYDANTIC, ".env.example": example})
    assert found.services["api"]["env"] == {"MODE": "slow", "COLOUR": "blue"}
    assert said_of(found) == ["line 4 could not be read", "line 7 could not be read"]
    assert "hunter2" not in found.text + str(found.proposal)
    assert caplog.records == []


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ("", "DATABASE_URL"),
        ("", "Database_Url"),
        ('model_config = SettingsConfigDict(env_prefix="SHOP_")', "SHOP_DATABASE_URL"),
        ('model_config = {"env_nested_delimiter": "__"}', "DATABASE_URL__HOST"),
        (
            'model_config = SettingsConfigDict(env_prefix="shop_", env_nested_delimiter="__")',
            "SHOP_JWT_SECRET__A",
        ),
    ],
)
def test_fields_of_pydantic_settings_name_variables(settings: str, name: str) -> None:
    code = f"{PYDANTIC['backend/app/main.py']}{settings}\n"
    web = {
        "web/package.json": package({"start": "node a.js"}, "express", name="web"),
        "web/a.js": "app.listen(1)",
    }
    found = Proposed(
        {**PYDANTIC, **web, "backend/app/main.py": code, ".env.example": f"{name}=x\nOTHER_URL=y\n"}
    )
    assert list(found.services["api"]["env"]) == [name]
    assert "env" not in found.services["web"]
    assert said_of(found) == ["no code names OTHER_URL, so no service gets it"]


@pytest.mark.parametrize(
    "value",
    [
        "1e3",
        "0x1F",
        "yes",
        "null",
        "~",
        "a: b",
        "# no",
        "- x",
        "*x",
        "!x",
        "{a}",
        "it's",
        'a"b',
        " x ",
        "é 漢",
    ],
)
def test_any_value_comes_out_as_it_went_in(value: str) -> None:
    files = {
        "package.json": package({"start": "node a.js"}, "express"),
        "a.js": "app.listen(1)",
        "package-lock.json": "{}",
    }
    found = Proposed(
        {**files, ".env.example": f"VALUE='{value}'\n" if "'" not in value else f'VALUE="{value}"\n'}
    )
    assert found.services["api"]["env"]["VALUE"] == value.strip()


def test_a_public_variable_that_sounds_secret_is_asked_about() -> None:
    files = {"package.json": package({"build": "vite build"}, dev=("vite",)), "package-lock.json": "{}"}
    found = Proposed({**files, ".env.example": "VITE_MAP_TOKEN=abc\nVITE_TITLE=Shop\n"})
    assert found.services["web"]["build"]["args"] == {"VITE_TITLE": "Shop"}
    assert found.gaps(blocking=False) == {"web.build.args.VITE_MAP_TOKEN"}
    assert "abc" not in found.text


def test_a_static_site_is_asked_for_no_secret_that_it_cannot_get() -> None:
    site = {
        "package.json": package({"build": "vite build"}, dev=("vite",)),
        "package-lock.json": "{}",
        "src/a.js": "process.env.CMS_TOKEN",
    }
    example = "VITE_TITLE=Shop\nCMS_TOKEN=abc\nDATABASE_URL=postgres://localhost/x\n"
    found = Proposed({**site, ".env.example": example})
    assert found.services["web"]["build"]["args"] == {"VITE_TITLE": "Shop"}
    assert set(found.services) == {"web"}
    assert found.proposal.secrets == ()
    assert said_of(found) == [
        "CMS_TOKEN is named by src/a.js alone, which is code of no app",
        "no code names DATABASE_URL, so no service gets it",
    ]
