import { serveClassifier } from "../classifier/host.ts";
import { owner } from "./owner.ts";

serveClassifier(owner());
