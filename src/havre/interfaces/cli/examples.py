"""The examples of every command, for ``--help`` and the reference; the tests hold them to be valid."""

from __future__ import annotations

import inspect
from collections.abc import Callable

EXAMPLES: dict[str, tuple[tuple[str, str], ...]] = {
    "init": (
        ("havre init", "this folder; asks before it writes"),
        ("havre init --domain example.org --dry-run", "print the files only"),
        ("havre init --from-compose docker-compose.yml", "convert what it says"),
        ("havre init ~/shop --yes --force", "anew; what was there is kept as NAME.bak"),
    ),
    "deploy": (
        ("havre deploy", "the repository around this folder, to production"),
        ("havre deploy -e staging --ref feature-x", "a branch, tag or commit"),
        ("havre deploy -p shop --source git@git.example.org:me/shop.git", ""),
        ("havre deploy -p shop --ref v1.4.2", "from the repository that Havre remembers"),
    ),
    "plan": (
        ("havre plan", "the newest commit of the environment's branch"),
        ("havre plan -e staging --ref feature-x --out plan.json", "then: havre apply plan.json"),
        ("havre plan --drift", "what was changed in the engine by hand"),
    ),
    "apply": (
        ("havre apply", "plans, shows, asks"),
        ("havre apply plan.json", "exactly what was planned, or nothing"),
        ("havre apply --yes-interrupt shop-production", "in a script, where the plan interrupts"),
    ),
    "adopt": (("havre adopt -e staging", ""),),
    "rollback": (
        ("havre rollback", "to the release before"),
        ("havre rollback 12", "see havre releases"),
        ("havre rollback 12 --with-data --dry-run", "the database too: what would be lost"),
        ("havre rollback 12 --with-data", "shows that, and asks"),
    ),
    "promote": (
        ("havre promote", "to the next weight"),
        ("havre promote --all -p shop", "to all requests"),
    ),
    "abort": (("havre abort -e staging", "the old release gets all requests again"),),
    "scale": (
        ("havre scale api=4 worker=2", ""),
        ("havre scale --reset api", "what havre.yaml says again"),
    ),
    "restart": (
        ("havre restart", "every app"),
        ("havre restart api -e staging", ""),
    ),
    "destroy": (
        ("havre destroy -e staging", "asks for the name"),
        ("havre destroy -e preview-12 --volumes --yes-destroy shop-preview-12", ""),
    ),
    "run": (
        ("havre run api -- node dist/reindex.js --all", "its exit code is this command's"),
        ("havre run api -e staging --timeout 4h -- pnpm import", ""),
        ("havre run api --release 12 --env-var DRY_RUN=1 -- node dist/fix.js", ""),
        ("havre run api --detach -- node dist/slow.js", ""),
    ),
    "exec": (
        ("havre exec api -- sh", "a shell in the first running task"),
        ("havre exec db -- psql shop", "as the database's administrator"),
        ("havre exec db -- pg_dump shop > shop.sql", ""),
    ),
    "anonymise": (
        ("havre anonymise --from shop.dump --to copy.dump", "rules: privacy in havre.yaml"),
        ("havre anonymise --from production --live --to copy.dump --key /root/copies.key", ""),
        ("havre anonymise --from production --live --to staging", "asks; what staging had is kept"),
    ),
    "privacy scan": (
        ("havre privacy scan --from shop.dump", "prints what to paste into havre.yaml"),
        ("havre privacy scan --from production --live --json", ""),
    ),
    "db psql": (
        ("havre db psql", "a session as the application's role"),
        ("havre db psql -e staging -- -c 'SELECT count(*) FROM members'", ""),
        ("havre db psql --admin < fix.sql", ""),
    ),
    "db list": (("havre db list --json", ""),),
    "db stats": (
        ("havre db stats", "connections, cache, slow statements, bloat"),
        ("havre db stats -e staging --json", ""),
    ),
    "db dump": (("havre db dump --to shop.dump", "complete and read back, or not there"),),
    "db restore": (
        ("havre db restore shop.dump", "beside, as shop_restored"),
        ("havre db restore shop.dump --as shop_monday -e staging", ""),
        ("havre db restore shop.dump --replace", "asks; what it replaces is kept"),
    ),
    "db upgrade": (
        ("havre db upgrade --dry-run", "tries it without the rows, while everything goes on"),
        ("havre db upgrade", "to the newest version; asks"),
        ("havre db upgrade --service db --to 17 -e staging", ""),
        ("havre db upgrade --confirm", "remove what the upgrade replaced"),
    ),
    "privacy export": (
        ("havre privacy export --subject members.email=- --to ada.json", "type the address, then Enter"),
        ("havre privacy export --subject members.id=4711 -e staging", ""),
    ),
    "privacy erase": (
        ("havre privacy erase --subject members.email --dry-run", "asks for the address, erases nothing"),
        ("havre privacy erase --subject members.id=4711", "shows which rows, and asks"),
        ("havre privacy erase --subject members.email=- --yes-erase club < address.txt", ""),
        ("havre privacy erase --again", "after a restore"),
    ),
    "cron list": (
        ("havre cron list", ""),
        ("havre cron list -e staging --json", ""),
    ),
    "cron history": (("havre cron history nightly -n 50", ""),),
    "cron run": (("havre cron run nightly", "now; its exit code is this command's"),),
    "cron pause": (("havre cron pause nightly", ""),),
    "cron resume": (("havre cron resume nightly", ""),),
    "restore": (
        ("havre restore --dry-run", "what would be done"),
        ("havre restore", "to the newest moment that is saved; asks"),
        ("havre restore --to '2026-11-20 14:32'", "of this machine's time zone"),
        ("havre restore --to-release 12 --from offsite", "the restore point before its release command"),
        ("havre restore --to '2026-11-20 14:32' --as before", "a database beside; nothing is replaced"),
        ("havre restore --to '2026-11-20 14:32' --as before --table member", "only the rows of one table"),
        ("havre restore --dump latest --as monday", "a database made of the newest dump"),
        ("havre restore --volume uploads --to '2026-11-20 14:32'", "files, as they were saved last before"),
        ("havre restore --confirm", "remove what the restore replaced"),
    ),
    "continuity status": (("havre continuity status", ""),),
    "continuity report": (
        ("havre continuity report --out report.html", ""),
        ("havre continuity report --pdf rapport.pdf --language fr", ""),
    ),
    "drill run": (
        ("havre drill run", "from the off-site repository, if there is one; `havre drill` for short"),
        ("havre drill run --from local -e staging", ""),
    ),
    "drill history": (
        ("havre drill history", "the outcome, RTO and RPO of each"),
        ("havre drill history -n 5 --json", ""),
    ),
    "backup now": (
        ("havre backup now", "what changed since the last one"),
        ("havre backup now --full -s db -e staging", ""),
        ("havre backup now --dump", "only pg_dump of the databases, here and off-site"),
    ),
    "backup schedule": (
        ("havre backup schedule", ""),
        ("havre backup schedule -e staging --json", ""),
    ),
    "recovery-kit": (
        ("havre recovery-kit", "on the terminal, then asks whether it is stored"),
        ("havre recovery-kit --pdf kit.pdf", "a page to print"),
        ("havre recovery-kit --to /media/usb/kit.txt --stored", ""),
    ),
    "rebuild": (
        ("havre rebuild --kit kit.txt --dry-run", "whether the kit opens the archive"),
        ("havre rebuild --kit kit.txt --lost-at '2026-11-20 14:32'", ""),
    ),
    "backup list": (
        ("havre backup list", ""),
        ("havre backup list -e staging --json", ""),
    ),
    "backup verify": (("havre backup verify", ""),),
    "backup storage set": (
        ("havre backup storage set --endpoint https://s3.example.org --bucket backups", "asks for the keys"),
        ("havre backup storage set --keys - < keys.txt", "other keys, the same place"),
        ("havre backup storage set --endpoint https://nas.lan:9000 --bucket b --ca ca.pem --keys k", ""),
    ),
    "backup storage show": (("havre backup storage show", ""),),
    "backup storage test": (("havre backup storage test", ""),),
    "backup storage lock": (
        ("havre backup storage lock --days 30", "what is written from now on"),
        ("havre backup storage lock --days 30 --mode compliance", "asks: nobody can take it back"),
    ),
    "backup storage remove": (("havre backup storage remove", ""),),
    "images list": (
        ("havre images list", "as root, on the server"),
        ("havre images list --json", ""),
    ),
    "images prune": (
        ("havre images prune --dry-run", "what would go"),
        ("havre images prune --yes", ""),
    ),
    "ps": (
        ("havre ps", ""),
        ("havre ps -p shop -e staging --json", ""),
    ),
    "logs": (
        ("havre logs -f", "until Ctrl-C"),
        ("havre logs --level error --since 1d", "whatever went wrong since yesterday"),
        ("havre logs --search 'timeout \"connection refused\"'", "a word and a phrase, by the index"),
        ("havre logs --since 2h --until 1h --grep 'status=5\\d\\d'", "a regular expression"),
        ("havre logs --since 2h --json > shop.jsonl", "to keep; each line with its id"),
        ("havre logs --line 20261130-3-1502", "what stood around it"),
        ("havre logs -s api -s worker --tail 20 -e staging", ""),
    ),
    "releases": (("havre releases -e staging", ""),),
    "environments": (("havre environments", ""),),
    "projects": (("havre projects --json", ""),),
    "operations list": (
        ("havre operations list", "of every project"),
        ("havre operations list -p shop --state failed", ""),
    ),
    "operations show": (("havre operations show 41", ""),),
    "operations follow": (("havre operations follow 41", ""),),
    "operations cancel": (("havre operations cancel 41", ""),),
    "env set": (
        ("havre env set LOG_LEVEL=debug", "for every app"),
        ("havre env set -s api -e staging FEATURE_X=on", ""),
    ),
    "env unset": (("havre env unset LOG_LEVEL", ""),),
    "env copy": (
        ("havre env copy production staging --dry-run", "what would become of each"),
        ("havre env copy production staging --secrets", "asks before it overwrites"),
    ),
    "env list": (("havre env list --show", ""),),
    "secrets set": (
        ("havre secrets set smtp-password", "asks, without showing it"),
        ("openssl rand -hex 32 | havre secrets set session-key", ""),
        ("havre secrets set --from-env-file - < secrets.env", ""),
    ),
    "secrets unset": (("havre secrets unset smtp-password", ""),),
    "secrets list": (("havre secrets list -e staging", ""),),
    "deploy-key create": (("havre deploy-key create -p shop", "then give what it prints to the forge"),),
    "deploy-key set": (("havre deploy-key set -p shop < id_ed25519", ""),),
    "deploy-key unset": (("havre deploy-key unset -p shop", ""),),
    "manifest check": (
        ("havre manifest check", ""),
        ("havre manifest check apps/shop/havre.yaml", ""),
    ),
    "manifest schema": (("havre manifest schema > havre.schema.json", ""),),
    "manifest sample": (("havre manifest sample > havre.yaml", ""),),
    "alert list": (("havre alert list", ""), ("havre alert list --all --json", "")),
    "alert ack": (("havre alert ack 17", "no reminders any more; its end is told"),),
    "alert silence": (
        ("havre alert silence --for 2h --place shop/production", "while you work on it"),
        ("havre alert silence --for 1h --from 2026-12-01T02:00Z --reason 'new disk'", "planned"),
    ),
    "alert silences": (("havre alert silences", ""), ("havre alert silences --end 3", "")),
    "alert test": (("havre alert test ops", ""),),
    "alert channel list": (("havre alert channel list", ""),),
    "alert channel set": (
        (
            (
                "havre alert channel set ops --kind email --host smtp.example.org --user me"
                " --from me@example.org --to ops@example.org"
            ),
            "asks for the password",
        ),
        ("havre alert channel set pager --kind apprise --least critical --secret pager.txt", ""),
        ("havre alert channel set pulse --kind heartbeat --secret - < url.txt", "a dead man's switch"),
    ),
    "alert channel remove": (("havre alert channel remove pager", ""),),
    "tokens create": (
        ("havre tokens create laptop --role owner --days 30", "then: havre login https://..."),
        ("havre tokens create ci --role developer -p shop", "one project only"),
    ),
    "tokens list": (("havre tokens list", ""),),
    "tokens revoke": (("havre tokens revoke laptop", ""),),
    "admin create": (
        ("havre admin create ada", "the first one: an owner of the server"),
        ("havre admin create bob --role developer -p shop -p blog", ""),
    ),
    "admin link": (
        ("havre admin link ada", "a forgotten password"),
        ("havre admin link ada --reset", "a lost second factor too"),
    ),
    "admin list": (("havre admin list", ""),),
    "admin grant": (("havre admin grant bob --role viewer -p shop", ""),),
    "admin lock": (("havre admin lock bob", ""),),
    "admin unlock": (("havre admin unlock bob", ""),),
    "admin remove": (("havre admin remove bob", "asks first"),),
    "audit list": (
        ("havre audit list -p shop", ""),
        ("havre audit list --actor ada --since 2026-01-31", ""),
    ),
    "audit export": (
        ("havre audit export > audit.jsonl", ""),
        ("havre audit export --format csv --since 2026-01-01 > audit.csv", ""),
    ),
    "login": (("havre login https://havre.example.org", "asks for the token"),),
    "logout": (("havre logout", ""),),
    "server install": (
        ("havre server install --dry-run", "what is missing here"),
        ("havre server install --admin me --acme-email me@example.org", ""),
    ),
    "server upgrade": (
        ("havre server upgrade --to ./havre-0.2.0-py3-none-any.whl", ""),
        ("havre server upgrade --dry-run", "to the newest that pip finds"),
    ),
    "server uninstall": (
        ("havre server uninstall --dry-run", "what would be removed, and what stays"),
        ("havre server uninstall --applications --purge", "everything, all data too"),
    ),
    "server local-ca create": (
        ("havre server local-ca create", ""),
        ("havre server local-ca create --also lan.example.org", ""),
    ),
    "server local-ca show": (
        ("havre server local-ca show", ""),
        ("havre server local-ca show --pem > havre-ca.crt", "for another machine"),
    ),
    "server local-ca trust": (("havre server local-ca trust", ""),),
    "server local-ca untrust": (("havre server local-ca untrust", ""),),
    "server local-ca remove": (("havre server local-ca remove", ""),),
    "doctor": (
        ("havre doctor", ""),
        ("havre doctor --json", ""),
        ("havre doctor --clean", "shows what nothing needs any more, and asks"),
    ),
    "version": (("havre version", ""),),
    "serve": (("HAVRE_HTTP_PORT=8080 havre serve", ""),),
    "web": (("havre web", ""),),
    "worker": (("havre worker", ""),),
}
"""By command: lines to type, and what they do (may be empty)."""


def lines(command: str) -> list[str]:
    """The examples of a command as aligned lines, each with its remark as a shell comment."""
    found = EXAMPLES.get(command, ())
    width = max((len(line) for line, remark in found if remark), default=0)
    return [f"{line:<{width}}  # {remark}" if remark else line for line, remark in found]


def prose(function: Callable[..., object]) -> str:
    """A command's docstring with each paragraph as one line, for the terminal to wrap."""
    text = inspect.getdoc(function) or ""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def epilog(command: str) -> str:
    """The examples as the end of a command's ``--help``."""
    shown = [line.replace("[", r"\[") for line in lines(command)]
    title = "Examples" if len(shown) > 1 else "Example"
    return "\n\n".join([f"[bold]{title}[/bold]", *(f"  {line}" for line in shown)]) if shown else ""
