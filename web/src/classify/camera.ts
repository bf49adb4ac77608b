import { message } from "../dom.ts";
import { strings } from "../strings.ts";

/** The webcam as a video element; frames are taken as fast as they are wanted. */
export class Camera {
  readonly video = Object.assign(document.createElement("video"), { muted: true, playsInline: true });
  #stream: MediaStream | undefined;
  readonly #lost: (why: string) => void;
  /** Counts starts and stops: what was asked for before the last of them is not wanted any more. */
  #asked = 0;

  /** @param lost is told when the webcam goes while it runs: it was unplugged, or this page may not use it any more */
  constructor(lost: (why: string) => void) {
    this.#lost = lost;
  }

  get running(): boolean {
    return this.#stream !== undefined;
  }

  /** Resolves to whether it runs now: not when it was stopped, or started again, while the visitor was asked. @throws Error in words for people */
  async start(): Promise<boolean> {
    const mine = ++this.#asked;
    try {
      if (navigator.mediaDevices === undefined) throw new Error(strings.picture.insecure);
      const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 }, audio: false });
      if (mine !== this.#asked) {
        end(stream);
        return false;
      }
      this.#stream = stream;
      for (const track of stream.getTracks()) {
        track.addEventListener("ended", () => {
          if (stream === this.#stream) this.#lost(strings.picture.lostCamera);
        });
      }
      this.video.srcObject = stream;
      await this.video.play();
    } catch (reason) {
      if (mine !== this.#asked) return false;
      this.stop();
      throw new Error(`${strings.picture.noCamera}: ${message(reason)}`);
    }
    return mine === this.#asked;
  }

  stop(): void {
    this.#asked++;
    end(this.#stream);
    this.#stream = undefined;
    this.video.srcObject = null;
  }
}

function end(stream: MediaStream | undefined): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}
