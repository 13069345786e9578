import {
  type ExerciseChanges,
  exerciseChangesSchema,
  idSchema,
  type NewExercise,
  newExerciseSchema,
} from "@dropit/contract";
import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post } from "@nestjs/common";
import { ExercisesService } from "./exercises.service.js";

@Controller("exercises")
export class ExercisesController {
  constructor(private readonly exercises: ExercisesService) {}

  @Get()
  list() {
    return this.exercises.list();
  }

  @Get(":id")
  get(@Param("id", { schema: idSchema }) id: string) {
    return this.exercises.get(id);
  }

  @Post()
  create(@Body({ schema: newExerciseSchema }) values: NewExercise) {
    return this.exercises.create(values);
  }

  @Patch(":id")
  change(
    @Param("id", { schema: idSchema }) id: string,
    @Body({ schema: exerciseChangesSchema }) changes: ExerciseChanges,
  ) {
    return this.exercises.change(id, changes);
  }

  @Delete(":id")
  @HttpCode(204)
  delete(@Param("id", { schema: idSchema }) id: string) {
    return this.exercises.delete(id);
  }
}
