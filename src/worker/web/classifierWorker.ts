import { serveClassifier } from "../classifier/host.ts";
import { showLife } from "./life.ts";
import { owner } from "./owner.ts";

const page = owner();
showLife(page);
serveClassifier(page);
