import "reflect-metadata";
import { MikroORM } from "@mikro-orm/postgresql";
import { ConsoleLogger, Logger } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import type { NestExpressApplication } from "@nestjs/platform-express";
import { AppModule } from "./app.module.js";
import { readConfig } from "./config.js";
import { seed } from "./database/seed.js";
import { ProblemFilter } from "./http/problem.filter.js";
import { validationPipe } from "./http/validation.js";

// A reverse proxy reuses idle connections for 90 s or so. Closing them sooner on this side races
// with its next request, which then fails: the proxy must be the one that closes.
const KEEP_ALIVE_MILLISECONDS = 120_000;

const config = readConfig();
const app = await NestFactory.create<NestExpressApplication>(AppModule.with(config), {
  logger: new ConsoleLogger({ json: config.production }),
});
app.disable("x-powered-by");
app.useGlobalPipes(validationPipe());
app.useGlobalFilters(new ProblemFilter());
if (config.webOrigins.length > 0) {
  app.enableCors({ origin: config.webOrigins, maxAge: 600 });
}
// On SIGTERM: stop accepting, finish the requests in flight, then close the database and the cache.
app.enableShutdownHooks();

const server = app.getHttpServer();
server.keepAliveTimeout = KEEP_ALIVE_MILLISECONDS;
server.headersTimeout = KEEP_ALIVE_MILLISECONDS + 5000;

const logger = new Logger("dropit");
if (config.seed && (await seed(app.get(MikroORM)))) {
  logger.log("Seeded the empty database");
}
await app.listen(config.port);
logger.log(`Version ${config.version} listens at ${await app.getUrl()}`);
