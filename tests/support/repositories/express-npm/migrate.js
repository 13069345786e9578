import pg from "pg";

const client = new pg.Client(process.env.DATABASE_URL);
await client.connect();
await client.query("create table if not exists visits (at timestamptz)");
await client.end();
