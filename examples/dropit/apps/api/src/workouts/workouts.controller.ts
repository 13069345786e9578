import {
  idSchema,
  type ListQuery,
  listQuerySchema,
  type NewWorkout,
  newWorkoutSchema,
  type WorkoutChanges,
  workoutChangesSchema,
} from "@dropit/contract";
import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from "@nestjs/common";
import { WorkoutsService } from "./workouts.service.js";

@Controller("workouts")
export class WorkoutsController {
  constructor(private readonly workouts: WorkoutsService) {}

  @Get()
  list(@Query({ schema: listQuerySchema }) query: ListQuery) {
    return this.workouts.list(query);
  }

  @Get(":id")
  get(@Param("id", { schema: idSchema }) id: string) {
    return this.workouts.get(id);
  }

  @Post()
  create(@Body({ schema: newWorkoutSchema }) values: NewWorkout) {
    return this.workouts.create(values);
  }

  @Patch(":id")
  change(
    @Param("id", { schema: idSchema }) id: string,
    @Body({ schema: workoutChangesSchema }) changes: WorkoutChanges,
  ) {
    return this.workouts.change(id, changes);
  }

  @Delete(":id")
  @HttpCode(204)
  delete(@Param("id", { schema: idSchema }) id: string) {
    return this.workouts.delete(id);
  }
}
