// The application of the tests: small, and as badly behaved as behaviour.json asks.
"use strict";
const fs = require("node:fs");
const http = require("node:http");

const behaviour = {
  version: "0",
  bootMs: 0, // how long until it listens
  exitAtStart: null, // an exit code
  exitUnlessFirst: false, // if another task of this version serves already
  exitAfterMs: null, // passes its health check, then dies
  exitAtOnce: false, // on SIGTERM, with requests in flight
  errorRate: 0, // share of answers with status 500
  slowMs: 0, // how long every answer takes
  health: 200, // what the health path answers
  eatMemory: false,
  ...JSON.parse(fs.readFileSync(`${__dirname}/behaviour.json`, "utf8")),
};

if (behaviour.eatMemory) {
  const eaten = [];
  setInterval(() => eaten.push(Buffer.alloc(16 * 1024 * 1024, 1)), 10);
}
if (behaviour.exitAtStart !== null) {
  console.log(`leaving with code ${behaviour.exitAtStart}, as behaviour.json asks`);
  process.exit(behaviour.exitAtStart);
}

if (behaviour.exitUnlessFirst) {
  require("node:dns").resolve4("api", (_, addresses) => {
    for (const host of addresses ?? []) {
      const asked = http.get({ host, port: process.env.PORT, timeout: 2000 }, async (answer) => {
        const text = (await answer.toArray()).join("");
        if (JSON.parse(text).version === behaviour.version) {
          console.log("leaving with code 5, because another one is there");
          process.exit(5);
        }
      });
      asked.on("error", () => {}); // itself, which does not listen yet
    }
  });
}

const server = http.createServer((request, response) => {
  const url = new URL(request.url, "http://localhost");
  const answer = (status, body) => {
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(body));
  };
  if (url.pathname === "/health") {
    return answer(behaviour.health, { status: behaviour.health === 200 ? "ok" : "sick" });
  }
  if (url.pathname === "/crash") {
    answer(200, { crashing: true });
    return setTimeout(() => process.exit(7), 20);
  }
  if (url.pathname === "/environment") {
    return answer(200, { value: process.env[url.searchParams.get("name")] ?? null });
  }
  if (url.pathname === "/visits") {
    // A file on a volume, for services that own one.
    const file = "/data/visits";
    const visits = fs.existsSync(file) ? Number(fs.readFileSync(file, "utf8")) + 1 : 1;
    fs.writeFileSync(file, String(visits));
    return answer(200, { visits });
  }
  const wait = Number(url.searchParams.get("ms") ?? behaviour.slowMs);
  const status = Math.random() < behaviour.errorRate ? 500 : 200;
  let received = 0;
  request.on("data", (chunk) => (received += chunk.length));
  request.on("end", () =>
    setTimeout(() => answer(status, { version: behaviour.version, received }), wait),
  );
});
server.keepAliveTimeout = 75_000;

process.on("SIGTERM", () => {
  if (behaviour.exitAtOnce) process.exit(0);
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});

setTimeout(
  () =>
    server.listen(Number(process.env.PORT), () => {
      console.log(`version ${behaviour.version} listens`);
      if (behaviour.exitAfterMs !== null) setTimeout(() => process.exit(9), behaviour.exitAfterMs);
    }),
  behaviour.bootMs,
);
