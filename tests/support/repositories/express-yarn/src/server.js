const app = require("fastify")();

app.get("/ready", async () => ({ built: "BUILT" }));
app.listen({ host: "0.0.0.0", port: Number(process.env.PORT ?? 8080) });
