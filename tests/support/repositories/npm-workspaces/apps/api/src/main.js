import { greeting } from "@shop/greeting";
import Fastify from "fastify";

const app = Fastify();
app.get("/health", async () => ({ greeting }));
await app.listen({ host: "0.0.0.0", port: Number(process.env.PORT || 4000) });
