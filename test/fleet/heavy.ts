/** `npm run test:fleet`: what takes too long for `npm test`. Needs redis-server and ../shared/data/cifar10-jpeg.zip. */
import { killedFleet } from "../support/killedFleet.ts";
import { hasRedis } from "../support/redisServer.ts";
import { sharedPath } from "../support/shared.ts";

const zip = sharedPath("data/cifar10-jpeg.zip");
if (zip === undefined || !hasRedis) process.exitCode = 1;
else console.log(await killedFleet(zip, { pictures: 10_000, chunk: 64, deaths: [0.2, 0.4, 0.6] }));
