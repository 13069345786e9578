"""Which path is asked to know that a program is well, and what to add where there is none."""

from __future__ import annotations

from collections.abc import Iterable

from havre.domain.blueprint.listening import Route, health_of
from havre.domain.blueprint.proposal import Gap, Said

PROPOSED = "/health"
_SNIPPETS = {
    "Express": 'app.get("/health", (_request, response) => response.json({ status: "ok" }))',
    "Fastify": 'app.get("/health", async () => ({ status: "ok" }))',
    "Koa": 'router.get("/health", (context) => { context.body = "ok" })',
    "Hono": 'app.get("/health", (context) => context.text("ok"))',
    "NestJS": '@Controller("health") class HealthController { @Get() health() { return "ok" } }',
    "Next.js": 'app/api/health/route.ts: export const GET = () => Response.json({ status: "ok" })',
    "Nuxt": 'server/routes/health.get.ts: export default defineEventHandler(() => "ok")',
    "SvelteKit": 'src/routes/health/+server.ts: export const GET = () => new Response("ok")',
    "FastAPI": '@app.get("/health") def health(): return {"status": "ok"}',
    "Flask": '@app.get("/health") def health(): return "ok"',
    "Django": 'path("health", lambda request: HttpResponse("ok")) in urlpatterns',
}


def choose(
    name: str, routes: Iterable[Route], title: str, *, has_pages: bool
) -> tuple[Said[str], tuple[Gap, ...]]:
    """The health path of a service: found in its code, its first page, or proposed.

    Args:
        name: of the service.
        routes: what the code answers.
        title: of the framework.
        has_pages: whether ``/`` is a page anyway.

    Returns:
        The path and what is to be told about it.
    """
    routes = list(routes)
    found = health_of(routes)
    if found and found.is_sure:
        return Said(found.path, f"answered in {found.file}"), ()
    if found:
        return Said(found.path, f"as in {found.file}; check it"), (
            Gap(
                f"{name}.health",
                f"{found.file} answers {found.path}, maybe below another path",
                "see that a GET of it answers 200, and correct it otherwise",
            ),
        )
    add = _SNIPPETS.get(title, "a GET that answers 200 when requests can be served")
    if has_pages or any(route.path == "/" and route.is_sure for route in routes):
        return Said("/", "the code has no health path; the first page stands in"), (
            Gap(
                f"{name}.health",
                "there is no health path; the first page tells little about the program",
                f"add one that also asks the database: {add}",
            ),
        )
    return Said(PROPOSED, "proposed: the code does not answer it yet"), (
        Gap(
            f"{name}.health",
            f"the code answers no health path, and a deployment fails until it answers {PROPOSED}",
            f"add it: {add}",
            blocking=True,
        ),
    )
