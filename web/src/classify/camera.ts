/** The webcam as a video element; frames are taken as fast as they are wanted. */
export class Camera {
  readonly video = Object.assign(document.createElement("video"), { muted: true, playsInline: true });
  #stream: MediaStream | undefined;

  get running(): boolean {
    return this.#stream !== undefined;
  }

  async start(): Promise<void> {
    this.#stream = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 }, audio: false });
    this.video.srcObject = this.#stream;
    await this.video.play();
  }

  stop(): void {
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = undefined;
    this.video.srcObject = null;
  }
}
