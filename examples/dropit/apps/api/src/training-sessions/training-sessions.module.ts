import { Module } from "@nestjs/common";
import { TrainingSessionsController } from "./training-sessions.controller.js";
import { TrainingSessionsService } from "./training-sessions.service.js";

@Module({ controllers: [TrainingSessionsController], providers: [TrainingSessionsService] })
export class TrainingSessionsModule {}
