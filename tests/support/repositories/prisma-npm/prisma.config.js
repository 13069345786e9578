// Generating a client needs no engine, yet Prisma would download one from a server that a test may not reach.
process.env.PRISMA_SCHEMA_ENGINE_BINARY ??= "/bin/true";
module.exports = { schema: "prisma/schema.prisma" };
