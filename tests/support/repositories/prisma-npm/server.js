const http = require("node:http");
const { Prisma } = require("./src/generated");

const answers = new Map();
const app = { get: (path, answer) => answers.set(path, answer) };
app.get("/health", () => "ok");
app.get("/", () => `models ${Object.keys(Prisma.ModelName)}`);

http
  .createServer((request, response) => response.end(answers.get(request.url)?.() ?? ""))
  .listen(process.env.PORT || 3000);
