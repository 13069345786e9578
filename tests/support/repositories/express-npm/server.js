import express from "express";

const app = express();
const port = process.env.PORT ?? 3000;

app.get("/healthz", (_request, response) => response.json({ status: "ok" }));
app.get("/", (_request, response) => response.send("express"));
app.listen(port);
