import {
  type AthleteChanges,
  athleteChangesSchema,
  idSchema,
  type ListQuery,
  listQuerySchema,
  type NewAthlete,
  newAthleteSchema,
} from "@dropit/contract";
import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from "@nestjs/common";
import { AthletesService } from "./athletes.service.js";

@Controller("athletes")
export class AthletesController {
  constructor(private readonly athletes: AthletesService) {}

  @Get()
  list(@Query({ schema: listQuerySchema }) query: ListQuery) {
    return this.athletes.list(query);
  }

  @Get(":id")
  get(@Param("id", { schema: idSchema }) id: string) {
    return this.athletes.get(id);
  }

  @Post()
  create(@Body({ schema: newAthleteSchema }) values: NewAthlete) {
    return this.athletes.create(values);
  }

  @Patch(":id")
  change(
    @Param("id", { schema: idSchema }) id: string,
    @Body({ schema: athleteChangesSchema }) changes: AthleteChanges,
  ) {
    return this.athletes.change(id, changes);
  }

  @Delete(":id")
  @HttpCode(204)
  delete(@Param("id", { schema: idSchema }) id: string) {
    return this.athletes.delete(id);
  }
}
