import { type Labels, labelsOf } from "./labels.ts";

/** CIFAR-10's classes in the order of their index (Krizhevsky 2009). */
export const cifar10Labels: Labels = /* @__PURE__ */ labelsOf([
  "airplane",
  "automobile",
  "bird",
  "cat",
  "deer",
  "dog",
  "frog",
  "horse",
  "ship",
  "truck",
]);

const hundred =
  "apple,aquarium fish,baby,bear,beaver,bed,bee,beetle,bicycle,bottle,bowl,boy,bridge,bus,butterfly,camel,can,castle," +
  "caterpillar,cattle,chair,chimpanzee,clock,cloud,cockroach,couch,crab,crocodile,cup,dinosaur,dolphin,elephant," +
  "flatfish,forest,fox,girl,hamster,house,kangaroo,keyboard,lamp,lawn mower,leopard,lion,lizard,lobster,man,maple tree," +
  "motorcycle,mountain,mouse,mushroom,oak tree,orange,orchid,otter,palm tree,pear,pickup truck,pine tree,plain,plate," +
  "poppy,porcupine,possum,rabbit,raccoon,ray,road,rocket,rose,sea,seal,shark,shrew,skunk,skyscraper,snail,snake,spider," +
  "squirrel,streetcar,sunflower,sweet pepper,table,tank,telephone,television,tiger,tractor,train,trout,tulip,turtle," +
  "wardrobe,whale,willow tree,wolf,woman,worm";

const split = (names: string): Labels => labelsOf(names.split(","));

/** CIFAR-100's fine classes, alphabetical, in the order of their index. */
export const cifar100Labels: Labels = /* @__PURE__ */ split(hundred);

/** Fashion-MNIST's classes in the order of their index (Xiao et al. 2017). */
export const fashionLabels: Labels = /* @__PURE__ */ split(
  "T-shirt/top,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot",
);

/** The ten digits. */
export const digitLabels: Labels = /* @__PURE__ */ split("0,1,2,3,4,5,6,7,8,9");
