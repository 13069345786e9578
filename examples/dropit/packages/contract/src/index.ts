/** The contract between the API and its clients: what may be sent, and what comes back. */
export * from "./athlete.js";
export * from "./common.js";
export * from "./exercise.js";
export * from "./health.js";
export * from "./problem.js";
export * from "./training-session.js";
export * from "./workout.js";
