import type { ExerciseChanges, Exercise as ExerciseDto, NewExercise, Page } from "@dropit/contract";
import { EntityManager } from "@mikro-orm/postgresql";
import { Injectable } from "@nestjs/common";
import { Cache } from "../cache/cache.js";
import { Exercise } from "./exercise.entity.js";

const LIST = "exercises";
const LIST_SECONDS = 60;

/** The catalogue is short, read by every form and seldom changed: the whole list is cached. */
@Injectable()
export class ExercisesService {
  constructor(
    private readonly em: EntityManager,
    private readonly cache: Cache,
  ) {}

  list(): Promise<Page<ExerciseDto>> {
    return this.cache.remember(LIST, LIST_SECONDS, async () => {
      const exercises = await this.em.findAll(Exercise, { orderBy: { name: "asc" } });
      return { items: exercises.map(exerciseToDto), total: exercises.length };
    });
  }

  async get(id: string): Promise<ExerciseDto> {
    return exerciseToDto(await this.em.findOneOrFail(Exercise, id));
  }

  async create(values: NewExercise): Promise<ExerciseDto> {
    const exercise = this.em.create(Exercise, values);
    await this.save();
    return exerciseToDto(exercise);
  }

  async change(id: string, changes: ExerciseChanges): Promise<ExerciseDto> {
    const exercise = await this.em.findOneOrFail(Exercise, id);
    this.em.assign(exercise, changes);
    await this.save();
    return exerciseToDto(exercise);
  }

  /** Refused by the database (409) while a workout uses the exercise. */
  async delete(id: string): Promise<void> {
    this.em.remove(await this.em.findOneOrFail(Exercise, id));
    await this.save();
  }

  private async save(): Promise<void> {
    await this.em.flush();
    await this.cache.forget(LIST);
  }
}

export function exerciseToDto(exercise: Exercise): ExerciseDto {
  return {
    id: exercise.id,
    name: exercise.name,
    category: exercise.category,
    description: exercise.description,
  };
}
