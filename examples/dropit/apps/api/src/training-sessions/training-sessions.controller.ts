import {
  idSchema,
  type NewTrainingSession,
  newTrainingSessionSchema,
  type TrainingSessionChanges,
  type TrainingSessionQuery,
  trainingSessionChangesSchema,
  trainingSessionQuerySchema,
} from "@dropit/contract";
import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from "@nestjs/common";
import { TrainingSessionsService } from "./training-sessions.service.js";

@Controller("training-sessions")
export class TrainingSessionsController {
  constructor(private readonly sessions: TrainingSessionsService) {}

  @Get()
  list(@Query({ schema: trainingSessionQuerySchema }) query: TrainingSessionQuery) {
    return this.sessions.list(query);
  }

  @Get(":id")
  get(@Param("id", { schema: idSchema }) id: string) {
    return this.sessions.get(id);
  }

  @Post()
  create(@Body({ schema: newTrainingSessionSchema }) values: NewTrainingSession) {
    return this.sessions.create(values);
  }

  @Patch(":id")
  change(
    @Param("id", { schema: idSchema }) id: string,
    @Body({ schema: trainingSessionChangesSchema }) changes: TrainingSessionChanges,
  ) {
    return this.sessions.change(id, changes);
  }

  @Delete(":id")
  @HttpCode(204)
  delete(@Param("id", { schema: idSchema }) id: string) {
    return this.sessions.delete(id);
  }
}
