import { Migration } from "@mikro-orm/migrations";

export class Migration20261122222402 extends Migration {
  override name = "Migration20261122222402";

  override up(): void | Promise<void> {
    this.addSql(
      `create table "athlete" ("id" uuid not null default gen_random_uuid(), "first_name" varchar(80) not null, "last_name" varchar(80) not null, "email" varchar(254) not null, "birth_date" date not null, "created_at" timestamptz not null default now(), primary key ("id"));`,
    );
    this.addSql(`alter table "athlete" add constraint "athlete_email_unique" unique ("email");`);

    this.addSql(
      `create table "exercise" ("id" uuid not null default gen_random_uuid(), "name" varchar(120) not null, "category" text not null, "description" text not null default '', primary key ("id"));`,
    );
    this.addSql(`alter table "exercise" add constraint "exercise_name_unique" unique ("name");`);

    this.addSql(
      `create table "workout" ("id" uuid not null default gen_random_uuid(), "title" varchar(160) not null, "notes" text not null default '', "created_at" timestamptz not null default now(), primary key ("id"));`,
    );

    this.addSql(
      `create table "training_session" ("id" uuid not null default gen_random_uuid(), "athlete_id" uuid not null, "workout_id" uuid not null, "scheduled_on" date not null, "status" text not null default 'planned', "notes" text not null default '', primary key ("id"));`,
    );
    this.addSql(
      `create index "training_session_athlete_id_index" on "training_session" ("athlete_id");`,
    );
    this.addSql(
      `create index "training_session_workout_id_index" on "training_session" ("workout_id");`,
    );

    this.addSql(
      `create table "workout_entry" ("id" uuid not null default gen_random_uuid(), "workout_id" uuid not null, "position" smallint not null, "exercise_id" uuid not null, "sets" smallint not null, "reps" smallint not null, "weight_kg" numeric(5,2) null, "rest_seconds" smallint null, primary key ("id"));`,
    );
    this.addSql(`create index "workout_entry_workout_id_index" on "workout_entry" ("workout_id");`);
    this.addSql(
      `create index "workout_entry_exercise_id_index" on "workout_entry" ("exercise_id");`,
    );

    this.addSql(
      `alter table "exercise" add constraint "exercise_category_check" check ("category" in ('snatch', 'clean_and_jerk', 'squat', 'pull', 'press', 'accessory'));`,
    );

    this.addSql(
      `alter table "training_session" add constraint "training_session_athlete_id_foreign" foreign key ("athlete_id") references "athlete" ("id") on delete cascade;`,
    );
    this.addSql(
      `alter table "training_session" add constraint "training_session_workout_id_foreign" foreign key ("workout_id") references "workout" ("id") on delete restrict;`,
    );
    this.addSql(
      `alter table "training_session" add constraint "training_session_status_check" check ("status" in ('planned', 'done', 'skipped'));`,
    );

    this.addSql(
      `alter table "workout_entry" add constraint "workout_entry_workout_id_foreign" foreign key ("workout_id") references "workout" ("id") on delete cascade;`,
    );
    this.addSql(
      `alter table "workout_entry" add constraint "workout_entry_exercise_id_foreign" foreign key ("exercise_id") references "exercise" ("id") on delete restrict;`,
    );
  }

  override down(): void | Promise<void> {
    this.addSql(
      `alter table "training_session" drop constraint "training_session_athlete_id_foreign";`,
    );
    this.addSql(`alter table "workout_entry" drop constraint "workout_entry_exercise_id_foreign";`);
    this.addSql(
      `alter table "training_session" drop constraint "training_session_workout_id_foreign";`,
    );
    this.addSql(`alter table "workout_entry" drop constraint "workout_entry_workout_id_foreign";`);

    this.addSql(`drop table if exists "athlete" cascade;`);
    this.addSql(`drop table if exists "exercise" cascade;`);
    this.addSql(`drop table if exists "workout" cascade;`);
    this.addSql(`drop table if exists "training_session" cascade;`);
    this.addSql(`drop table if exists "workout_entry" cascade;`);
  }
}
