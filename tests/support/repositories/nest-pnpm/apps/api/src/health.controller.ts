import { Controller, Get } from "@nestjs/common";
import { type Health, healthy } from "@shop/contract";

@Controller("health")
export class HealthController {
  @Get()
  health(): Health {
    return healthy;
  }
}
