const isNumber = require("is-number");
const { mkdirSync, writeFileSync, readFileSync } = require("node:fs");

mkdirSync("dist", { recursive: true });
writeFileSync("dist/server.js", readFileSync("src/server.js", "utf8").replace("BUILT", String(isNumber(7))));
