import { bars } from "../bars.ts";
import { el, message } from "../dom.ts";
import { sharedLab } from "../lab/client.ts";
import type { BlockInfo, LayerRow } from "../lab/protocol.ts";
import type { Panel } from "../main.ts";
import { draw, type Picture, pictureInput } from "../picture.ts";
import { strings } from "../strings.ts";
import { diagram } from "./diagram.ts";
import { mapGrid } from "./maps.ts";

const text = strings.look;

function layerTable(block: string, rows: readonly LayerRow[]): HTMLElement {
  return el(
    "div",
    { class: "scroll", tabIndex: 0, role: "region", "aria-label": text.layersOf(block) },
    el(
      "table",
      {},
      el("thead", {}, el("tr", {}, ...text.layers.map((name) => el("th", { scope: "col" }, name)))),
      el(
        "tbody",
        {},
        ...rows.map((r) =>
          el(
            "tr",
            {},
            ...[r.layer, r.type, r.output.join(" × "), r.parameters.toLocaleString(), r.macs.toLocaleString()].map(
              (cell) => el("td", {}, cell),
            ),
          ),
        ),
      ),
    ),
  );
}

/** The network drawn; a block's layers and maps; its shortcut cut and joined again. */
export async function lookPanel(): Promise<Panel> {
  const lab = sharedLab();
  const info = await lab.call("describe");
  const error = el("p", { class: "error", role: "alert" });
  const details = el("section", { class: "card" });
  const prediction = el("div", { id: "look-answer", "aria-live": "polite" });
  const canvas = el("canvas", { role: "img", "aria-label": strings.picture.canvas, width: 160, height: 120 });
  const heading = el("h3", {}, text.prediction([]));
  const off = new Set<string>();
  let label = (): void => undefined;
  const allBack = el(
    "button",
    {
      type: "button",
      hidden: true,
      onclick: () => {
        for (const name of off) drawing.cut(name, false);
        off.clear();
        label();
        void predict();
      },
    },
    text.allBack,
  );
  let picture: Picture | undefined;
  let block: BlockInfo | undefined;
  let asked = 0;

  const guarded = async (body: () => Promise<void>): Promise<void> => {
    try {
      error.textContent = "";
      await body();
    } catch (reason) {
      error.textContent = message(reason);
    }
  };

  const predict = (): Promise<void> =>
    guarded(async () => {
      if (picture === undefined) return;
      const mine = ++asked;
      const cut = [...off].sort();
      try {
        const { predictions } = await lab.call("predict", picture.file, cut);
        if (mine !== asked) return;
        heading.textContent = text.prediction(cut);
        allBack.hidden = off.size === 0;
        prediction.replaceChildren(bars(predictions));
      } catch (reason) {
        if (mine !== asked) return;
        prediction.replaceChildren(); // it is another picture's
        throw reason;
      }
    });

  const select = (chosen: BlockInfo): Promise<void> =>
    guarded(async () => {
      block = chosen;
      const toggle = el("button", {
        type: "button",
        id: "skip",
        onclick: () => {
          if (!off.delete(chosen.name)) off.add(chosen.name);
          drawing.cut(chosen.name, off.has(chosen.name));
          label();
          void predict();
        },
      });
      label = () => {
        toggle.textContent = off.has(chosen.name) ? text.join : text.cut;
      };
      label();
      const maps = el("div", { id: "maps" });
      details.replaceChildren(
        el("h3", {}, text.block(chosen.name)),
        chosen.shortcut === "none" ? "" : el("p", {}, toggle),
        layerTable(chosen.name, chosen.layers),
        maps,
      );
      const seen = picture;
      if (seen === undefined) return;
      const found = await lab.call("maps", seen.file, chosen.name);
      if (block !== chosen || picture !== seen) return;
      maps.replaceChildren(
        el("h3", {}, text.maps(chosen.name, found.maps.length)),
        el("p", { class: "muted" }, text.mapsNote),
        mapGrid(found.maps),
      );
    });

  const drawing = diagram(info, { onSelect: (chosen) => void select(chosen) });
  const input = pictureInput(
    el("div", { class: "stack" }, canvas),
    (taken) => {
      picture = taken;
      draw(canvas, taken.bitmap);
      void predict();
      if (block !== undefined) void select(block);
    },
    (reason) => {
      error.textContent = reason;
    },
  );
  void input.sample().then(() => {
    if (block === undefined) drawing.select(info.blocks[0]!.name); // a visitor may have chosen one meanwhile
  });

  const element = el(
    "div",
    {},
    el("h2", {}, text.title),
    el("p", { class: "muted" }, text.intro),
    el(
      "div",
      { class: "columns" },
      el(
        "section",
        { class: "card" },
        drawing.element as unknown as HTMLElement,
        el("p", { class: "muted" }, text.legend),
        el("p", { class: "muted" }, text.size(info.parameters.toLocaleString(), info.macs.toLocaleString())),
      ),
      el(
        "section",
        { class: "card" },
        input.zone,
        input.note,
        el("div", { class: "row" }, ...input.buttons),
        input.samples,
        heading,
        prediction,
        allBack,
        error,
      ),
    ),
    details,
  );
  return { element };
}
