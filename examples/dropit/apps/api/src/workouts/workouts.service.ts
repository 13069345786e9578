import type {
  ListQuery,
  NewWorkout,
  Page,
  WorkoutChanges,
  Workout as WorkoutDto,
  WorkoutEntryInput,
} from "@dropit/contract";
import { EntityManager } from "@mikro-orm/postgresql";
import { BadRequestException, Injectable } from "@nestjs/common";
import { containing } from "../database/search.js";
import { Exercise } from "../exercises/exercise.entity.js";
import { exerciseToDto } from "../exercises/exercises.service.js";
import { Workout, WorkoutEntry } from "./workout.entity.js";

const populate = ["entries.exercise"] as const;

@Injectable()
export class WorkoutsService {
  constructor(private readonly em: EntityManager) {}

  async list({ limit, offset, search }: ListQuery): Promise<Page<WorkoutDto>> {
    const [workouts, total] = await this.em.findAndCount(
      Workout,
      search === "" ? {} : containing(search, ["title", "notes"]),
      { limit, offset, populate, orderBy: { createdAt: "desc", id: "asc" } },
    );
    return { items: workouts.map(toDto), total };
  }

  async get(id: string): Promise<WorkoutDto> {
    return toDto(await this.em.findOneOrFail(Workout, id, { populate }));
  }

  async create({ entries, ...values }: NewWorkout): Promise<WorkoutDto> {
    const workout = this.em.create(Workout, values);
    await this.setEntries(workout, entries);
    await this.em.flush();
    return toDto(workout);
  }

  async change(id: string, { entries, ...changes }: WorkoutChanges): Promise<WorkoutDto> {
    const workout = await this.em.findOneOrFail(Workout, id, { populate });
    this.em.assign(workout, changes);
    if (entries) {
      await this.setEntries(workout, entries);
    }
    await this.em.flush();
    return toDto(workout);
  }

  /** Refused by the database (409) while a training session uses the workout. */
  async delete(id: string): Promise<void> {
    this.em.remove(await this.em.findOneOrFail(Workout, id));
    await this.em.flush();
  }

  private async setEntries(workout: Workout, entries: WorkoutEntryInput[]): Promise<void> {
    const ids = [...new Set(entries.map((entry) => entry.exerciseId))];
    const exercises = await this.em.find(Exercise, { id: { $in: ids } });
    const byId = new Map(exercises.map((exercise) => [exercise.id, exercise]));
    workout.entries.set(
      entries.map(({ exerciseId, ...values }, position) => {
        const exercise = byId.get(exerciseId);
        if (!exercise) {
          throw new BadRequestException({
            message: "The exercise of an entry does not exist",
            errors: [{ path: `entries.${position}.exerciseId`, message: "No such exercise" }],
          });
        }
        return this.em.create(WorkoutEntry, { ...values, workout, exercise, position });
      }),
    );
  }
}

function toDto(workout: Workout): WorkoutDto {
  return {
    id: workout.id,
    title: workout.title,
    notes: workout.notes,
    createdAt: workout.createdAt.toISOString(),
    entries: workout.entries.getItems().map((entry) => ({
      id: entry.id,
      exercise: exerciseToDto(entry.exercise),
      sets: entry.sets,
      reps: entry.reps,
      weightKg: entry.weightKg ?? null,
      restSeconds: entry.restSeconds ?? null,
    })),
  };
}
