/** Every scheduler that has a name keeps every rule, whoever adds it. */
import { SCHEDULER_NAMES, schedulerByName } from "../../schedulers/mod.ts";
import { testScheduler } from "../kit/mod.ts";

for (const name of SCHEDULER_NAMES) testScheduler(name, schedulerByName(name)!);
