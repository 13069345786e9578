import "reflect-metadata";
import { Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { HealthController } from "./health.controller.js";

declare const process: { env: Record<string, string | undefined> };

@Module({ controllers: [HealthController] })
class AppModule {}

const app = await NestFactory.create(AppModule);
app.setGlobalPrefix("api");
await app.listen(process.env.PORT ?? 3000);
