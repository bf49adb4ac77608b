import { test } from "uvu";
import { killedFleet } from "../support/killedFleet.ts";
import { hasRedis } from "../support/redisServer.ts";
import { sharedPath } from "../support/shared.ts";

const zip = sharedPath("data/cifar10-jpeg.zip");

// `npm run test:fleet` does the same with 10,000.
if (zip !== undefined && hasRedis) {
  test("1,000 pictures: workers and Redis die, and every picture has exactly one result, that of a single process", async () => {
    console.log(await killedFleet(zip, { pictures: 1000, chunk: 20, deaths: [0.1, 0.3, 0.5] }));
  });
}

test.run();
