import { createJsBackend } from "../../backend/js/backend.ts";
import { startWasmBackend } from "../../backend/wasm/backend.ts";
import { compileBinary } from "../../backend/wasm/binary.ts";
import type { LocalClassifier } from "../../classifier.ts";
import { DisposedError, ResNetError } from "../../errors.ts";
import { classIndex } from "../../explanation.ts";
import { openClassifier } from "../../openClassifier.ts";
import { isKind } from "../../platform/kinds.ts";
import { setMemory } from "../../tensor/memory.ts";
import { type ImageInput, toImage } from "../../vision/toImage.ts";
import { toFault } from "../faults.ts";
import type { Owner } from "../spawn.ts";
import type { Answers, BackendRequest, FromWorker, Kind, Requests, ToWorker } from "./messages.ts";

type Sent<K extends Kind> = { readonly value: Answers[K]; readonly transfer?: readonly Transferable[] };

/** A worker's life as a classifier. One call is running at a time; its owner waits with the next. */
export function serveClassifier(owner: Owner): void {
  const running = new Map<number, AbortController>();
  const post = (message: FromWorker, transfer: readonly Transferable[] = []) => owner.post(message, transfer);
  let classifier: LocalClassifier | undefined;

  const handlers: { [K in Kind]: (request: Requests[K], signal: AbortSignal) => Promise<Sent<K>> } = {
    async open({ source, backend }, signal) {
      const started = await startBackend(backend);
      setMemory(started);
      classifier = await openClassifier(source, { signal, onProgress: (progress) => post({ progress }) });
      const { numClasses, preprocessing } = classifier;
      return { value: { numClasses, preprocessing, backend: started.info() } };
    },
    async logits({ images }, signal) {
      const pictures = [];
      for (const image of images) pictures.push(await read(image, signal));
      const value = await opened().logits(pictures);
      return { value, transfer: [value.buffer as ArrayBuffer] };
    },
    async embed({ image }, signal) {
      const value = await opened().embed(await read(image, signal));
      return { value, transfer: [value.buffer as ArrayBuffer] };
    },
    async explain({ image, class: wanted }, signal) {
      const picture = await read(image, signal);
      const chosen = wanted === undefined ? {} : { class: classIndex(wanted, opened()) };
      const { index, map } = await opened().explain(picture, chosen);
      const value = { index, map, picture };
      // Memory that is shared cannot be handed over, and need not be.
      return { value, transfer: [map.data.buffer, picture.data.buffer].filter((b) => isKind(b, "ArrayBuffer")) };
    },
  };

  const opened = (): LocalClassifier => {
    if (classifier === undefined) throw new DisposedError("classifier");
    return classifier;
  };

  async function answer<K extends Kind>(id: number, kind: K, request: Requests[K]): Promise<void> {
    const controller = new AbortController();
    running.set(id, controller);
    try {
      const { value, transfer } = await handlers[kind](request, controller.signal);
      post({ id, value }, transfer);
    } catch (error) {
      post({ id, fault: toFault(error) });
    } finally {
      running.delete(id);
    }
  }

  owner.listen((message) => {
    const call = message as ToWorker;
    if (call.kind === "abort") running.get(call.id)?.abort();
    else void answer(call.id, call.kind, call.request);
  });
}

/** What was sent as an address is read here; a bitmap or frame was made for this call and is closed when it is read. */
async function read(image: ImageInput, signal: AbortSignal) {
  try {
    return await toImage(image, { signal });
  } finally {
    if (typeof image === "object" && "close" in image && typeof image.close === "function") image.close();
  }
}

async function startBackend({ backend, threads, relaxed, binary, own, worker }: BackendRequest) {
  let reason: string | undefined;
  if (backend !== "js" && binary !== undefined) {
    const source = own ? async () => binary as BufferSource : binary;
    try {
      const options = { threads, relaxed, ...(worker === undefined ? {} : { worker }) };
      return await startWasmBackend(options, (name) => compileBinary(name, source));
    } catch (error) {
      if (backend !== undefined || !(error instanceof ResNetError) || error.code !== "ERR_NO_WASM") throw error;
      reason = error.message;
    }
  }
  return createJsBackend(reason);
}
