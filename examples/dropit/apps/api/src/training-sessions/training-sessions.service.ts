import type {
  NewTrainingSession,
  Page,
  TrainingSessionChanges,
  TrainingSession as TrainingSessionDto,
  TrainingSessionQuery,
} from "@dropit/contract";
import { EntityManager } from "@mikro-orm/postgresql";
import { BadRequestException, Injectable } from "@nestjs/common";
import { Athlete } from "../athletes/athlete.entity.js";
import { Workout } from "../workouts/workout.entity.js";
import { TrainingSession } from "./training-session.entity.js";

const populate = ["athlete", "workout"] as const;

@Injectable()
export class TrainingSessionsService {
  constructor(private readonly em: EntityManager) {}

  async list({
    limit,
    offset,
    athleteId,
  }: TrainingSessionQuery): Promise<Page<TrainingSessionDto>> {
    const [sessions, total] = await this.em.findAndCount(
      TrainingSession,
      athleteId ? { athlete: athleteId } : {},
      { limit, offset, populate, orderBy: { scheduledOn: "desc", id: "asc" } },
    );
    return { items: sessions.map(toDto), total };
  }

  async get(id: string): Promise<TrainingSessionDto> {
    return toDto(await this.em.findOneOrFail(TrainingSession, id, { populate }));
  }

  async create(values: NewTrainingSession): Promise<TrainingSessionDto> {
    const { athleteId, workoutId, ...rest } = values;
    const athlete = await this.em.findOne(Athlete, athleteId);
    if (!athlete) {
      throw unknown("athleteId", "No such athlete");
    }
    const workout = await this.workout(workoutId);
    const session = this.em.create(TrainingSession, { ...rest, athlete, workout });
    await this.em.flush();
    return toDto(session);
  }

  async change(id: string, changes: TrainingSessionChanges): Promise<TrainingSessionDto> {
    const session = await this.em.findOneOrFail(TrainingSession, id, { populate });
    const { workoutId, ...rest } = changes;
    this.em.assign(session, rest);
    if (workoutId) {
      session.workout = await this.workout(workoutId);
    }
    await this.em.flush();
    return toDto(session);
  }

  async delete(id: string): Promise<void> {
    this.em.remove(await this.em.findOneOrFail(TrainingSession, id));
    await this.em.flush();
  }

  private async workout(id: string): Promise<Workout> {
    const workout = await this.em.findOne(Workout, id);
    if (!workout) {
      throw unknown("workoutId", "No such workout");
    }
    return workout;
  }
}

function unknown(path: string, message: string): BadRequestException {
  return new BadRequestException({ message, errors: [{ path, message }] });
}

function toDto(session: TrainingSession): TrainingSessionDto {
  const { athlete, workout } = session;
  return {
    id: session.id,
    athlete: { id: athlete.id, firstName: athlete.firstName, lastName: athlete.lastName },
    workout: { id: workout.id, title: workout.title },
    scheduledOn: session.scheduledOn,
    status: session.status,
    notes: session.notes,
  };
}
