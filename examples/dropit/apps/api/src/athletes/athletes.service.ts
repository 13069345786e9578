import type {
  AthleteChanges,
  Athlete as AthleteDto,
  ListQuery,
  NewAthlete,
  Page,
} from "@dropit/contract";
import { EntityManager } from "@mikro-orm/postgresql";
import { Injectable } from "@nestjs/common";
import { containing } from "../database/search.js";
import { Athlete } from "./athlete.entity.js";

@Injectable()
export class AthletesService {
  constructor(private readonly em: EntityManager) {}

  async list({ limit, offset, search }: ListQuery): Promise<Page<AthleteDto>> {
    const [athletes, total] = await this.em.findAndCount(
      Athlete,
      search === "" ? {} : containing(search, ["firstName", "lastName", "email"]),
      { limit, offset, orderBy: { lastName: "asc", firstName: "asc", id: "asc" } },
    );
    return { items: athletes.map(toDto), total };
  }

  async get(id: string): Promise<AthleteDto> {
    return toDto(await this.em.findOneOrFail(Athlete, id));
  }

  async create(values: NewAthlete): Promise<AthleteDto> {
    const athlete = this.em.create(Athlete, values);
    await this.em.flush();
    return toDto(athlete);
  }

  async change(id: string, changes: AthleteChanges): Promise<AthleteDto> {
    const athlete = await this.em.findOneOrFail(Athlete, id);
    this.em.assign(athlete, changes);
    await this.em.flush();
    return toDto(athlete);
  }

  /** Deletes the athlete and, by the database, every training session of the athlete. */
  async delete(id: string): Promise<void> {
    this.em.remove(await this.em.findOneOrFail(Athlete, id));
    await this.em.flush();
  }
}

function toDto(athlete: Athlete): AthleteDto {
  return {
    id: athlete.id,
    firstName: athlete.firstName,
    lastName: athlete.lastName,
    email: athlete.email,
    birthDate: athlete.birthDate,
    createdAt: athlete.createdAt.toISOString(),
  };
}
