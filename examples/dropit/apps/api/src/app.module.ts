import { MikroOrmModule } from "@mikro-orm/nestjs";
import { type DynamicModule, Global, Module } from "@nestjs/common";
import { AthletesModule } from "./athletes/athletes.module.js";
import { CacheModule } from "./cache/cache.module.js";
import { CONFIG, type Config } from "./config.js";
import { ormOptions } from "./database/orm.js";
import { ExercisesModule } from "./exercises/exercises.module.js";
import { HealthModule } from "./health/health.module.js";
import { Shutdown } from "./http/shutdown.js";
import { TrainingSessionsModule } from "./training-sessions/training-sessions.module.js";
import { WorkoutsModule } from "./workouts/workouts.module.js";

@Global()
@Module({})
export class AppModule {
  static with(config: Config): DynamicModule {
    return {
      module: AppModule,
      imports: [
        MikroOrmModule.forRoot(ormOptions(config)),
        CacheModule,
        HealthModule,
        AthletesModule,
        ExercisesModule,
        WorkoutsModule,
        TrainingSessionsModule,
      ],
      providers: [{ provide: CONFIG, useValue: config }, Shutdown],
      exports: [CONFIG],
    };
  }
}
