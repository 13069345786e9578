import { Migration20261122222402 } from "./Migration20261122222402.js";
import { Migration20261122222435 } from "./Migration20261122222435.js";

/** Every migration in the order of execution. Add new ones at the end. */
export const migrations = [Migration20261122222402, Migration20261122222435];
