import { FileFormatError } from "../../errors.ts";
import { Composer } from "../../train/compose.ts";
import { OnDemandSource } from "../../train/onDemand.ts";
import { BlockSource, type PixelSource } from "../../train/pixels.ts";
import { reopenDataset } from "../../vision/openDataset.ts";
import { toFault } from "../faults.ts";
import type { Owner } from "../spawn.ts";
import type { BatchRequest, FromDataWorker, OpenRequest, ToDataWorker } from "./messages.ts";

/** A worker's life as a maker of batches: it makes them one after another, in the order in which they were asked for. */
export function serveData(owner: Owner): void {
  const post = (message: FromDataWorker, transfer: readonly Transferable[] = []) => owner.post(message, transfer);
  let opening: Promise<Composer> | undefined;
  let last: Promise<void> = Promise.resolve();

  async function answer({ id, epoch, index, values }: BatchRequest): Promise<void> {
    try {
      const batch = await (await opening!).make(epoch, index, values);
      post({ id, batch }, [batch.values.buffer, batch.labels.buffer]);
    } catch (error) {
      post({ id, fault: toFault(error) });
    }
  }

  owner.listen((message) => {
    const request = message as ToDataWorker;
    if (request.kind === "batch") last = last.then(() => answer(request));
    else {
      opening = open(request);
      opening.catch(() => {}); // whoever asks for a batch is told
    }
  });
}

async function open({ plan, labels, data }: OpenRequest): Promise<Composer> {
  return new Composer(plan, await sourceOf(data), labels);
}

async function sourceOf(data: OpenRequest["data"]): Promise<PixelSource> {
  if (data.kind === "decoded") return new BlockSource(data.pixels, data.size);
  const { origin, pictures, size, preprocessing, pixels, ready, picked } = data;
  const dataset = await reopenDataset(origin);
  if (dataset.length !== pictures) {
    throw new FileFormatError(
      typeof origin.path === "string" ? origin.path : "the data set",
      `has ${dataset.length} pictures and had ${pictures} when it was opened: nothing may change there while it is trained on`,
    );
  }
  const store = { dataset, preprocessing, pixels, ready };
  const { classes } = dataset;
  return new OnDemandSource({
    ...size,
    length: pictures,
    labels: new Uint16Array(0),
    classes,
    store,
    ...(picked ? { picked } : {}),
  });
}
