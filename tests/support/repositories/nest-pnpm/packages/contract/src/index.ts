export interface Health {
  status: "ok";
}
export const healthy: Health = { status: "ok" };
