import { Migration } from "@mikro-orm/migrations";

export class Migration20261122222435 extends Migration {
  override name = "Migration20261122222435";

  override up(): void | Promise<void> {
    this.addSql(`drop index "training_session_athlete_id_index";`);
    this.addSql(
      `create index "training_session_athlete_id_scheduled_on_index" on "training_session" ("athlete_id", "scheduled_on");`,
    );
  }

  override down(): void | Promise<void> {
    this.addSql(`drop index "training_session_athlete_id_scheduled_on_index";`);
    this.addSql(
      `create index "training_session_athlete_id_index" on "training_session" ("athlete_id");`,
    );
  }
}
