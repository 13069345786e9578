import isNumber from "is-number";
import { mkdirSync, writeFileSync } from "node:fs";

mkdirSync("dist", { recursive: true });
writeFileSync("dist/index.js", `export const greeting = "workspace ${isNumber(1)}";\n`);
