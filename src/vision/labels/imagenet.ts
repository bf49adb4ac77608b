import type { Labels } from "./labels.ts";

/**
 * ImageNet-1k: a class a line, in the order of its index. The names are torchvision's; behind n the class's WordNet id
 * has the number of a noun of WordNet 3.0, and the classes are in the ascending order of these numbers: a line begins with the step from the
 * number before, to the base of 36 (2.1 kB less, gzip).
 */
const text = `uvp8 tench
251 goldfish
vvl great white shark
50v tiger shark
2ei hammerhead
1fk electric ray
1bi stingray
ctv cock
5b hen
33n ostrich
90x brambling
gr goldfinch
19v house finch
18k junco
2ef indigo bunting
gjt robin
13m bulbul
f62 jay
1nj magpie
7m0 chickadee
7ey water ouzel
576 kite
50d bald eagle
12p vulture
4zh great grey owl
5fk European fire salamander
nn common newt
rl eft
m3 spotted salamander
8v axolotl
6sg bullfrog
25o tree frog
en tailed frog
esd loggerhead
150 leatherback turtle
17p mud turtle
ig terrapin
139 box turtle
51f banded gecko
19o common iguana
44k American chameleon
2dy whiptail
1oa agama
7d frilled lizard
17k alligator lizard
1y2 Gila monster
rt green lizard
ng African chameleon
oi Komodo dragon
1ul African crocodile
wv American alligator
4dv triceratops
ipl thunder snake
9o ringneck snake
b6 hognose snake
i7 green snake
3fd king snake
lf garter snake
1ew water snake
1tk vine snake
ku night snake
1kp boa constrictor
1px rock python
2zb Indian cobra
1aj green mamba
1e9 sea snake
1cc horned viper
1m5 diamondback
jq sidewinder
981 trilobite
1f1 harvestman
8o scorpion
24s black and gold garden spider
aw barn spider
6w garden spider
gb black widow
a6 tarantula
8o wolf spider
yr tick
6ga centipede
8dy black grouse
m3 ptarmigan
16y ruffed grouse
gm prairie chicken
5wr peacock
bs quail
pt partridge
82h African grey
fm macaw
m6 sulphur-crested cockatoo
y9 lorikeet
33x coucal
3e3 bee eater
cb hornbill
3e0 hummingbird
758 jacamar
8u toucan
2sh drake
674 red-breasted merganser
hs goose
3hf black swan
8jq tusker
vk echidna
p9 platypus
3h2 wallaby
3s6 koala
9w wombat
lct jellyfish
2za sea anemone
22g brain coral
5vv flatworm
40c nematode
amz conch
dn snail
zz slug
3w6 sea slug
3cx chiton
anp chambered nautilus
78u Dungeness crab
4o rock crab
1bj fiddler crab
uu king crab
1p9 American lobster
xq spiny lobster
c1 crayfish
u6 hermit crab
3je isopod
92k white stork
4o black stork
318 spoonbill
p2 flamingo
1af little blue heron
iz American egret
170 bittern
12l crane bird
nt limpkin
2pf European gallinule
rm American coot
gc bustard
4z0 ruddy turnstone
1ql red-backed sandpiper
f3 redshank
3v2 dowitcher
351 oystercatcher
bdb pelican
3n9 king penguin
19v albatross
66w grey whale
3w9 killer whale
2dd dugong
2qs sea lion
5xt Chihuahua
4i Japanese spaniel
4a Maltese dog
3z Pekinese
4h Shih-Tzu
ba Blenheim spaniel
7c papillon
3s toy terrier
9o Rhodesian ridgeback
jg Afghan hound
40 basset
3i beagle
2u bloodhound
4m bluetick
ce black-and-tan coonhound
lx Walker hound
2y English foxhound
ba redbone
6r borzoi
2r Irish wolfhound
8n Italian greyhound
2u whippet
32 Ibizan hound
67 Norwegian elkhound
4o otterhound
5g Saluki
4r Scottish deerhound
9d Weimaraner
ph Staffordshire bullterrier
4s American Staffordshire terrier
63 Bedlington terrier
2z Border terrier
2x Kerry blue terrier
3o Irish terrier
3f Norfolk terrier
40 Norwich terrier
4v Yorkshire terrier
oh wire-haired fox terrier
74 Lakeland terrier
8v Sealyham terrier
4i Airedale
3i cairn
39 Australian terrier
3z Dandie Dinmont
44 Boston bull
cu miniature schnauzer
2b giant schnauzer
27 standard schnauzer
2h Scotch terrier
4w Tibetan terrier
54 silky terrier
cf soft-coated wheaten terrier
51 West Highland white terrier
3j Lhasa
nq flat-coated retriever
4i curly-coated retriever
4s golden retriever
33 Labrador retriever
3t Chesapeake Bay retriever
ar German short-haired pointer
9n vizsla
48 English setter
3y Irish setter
3l Gordon setter
am Brittany spaniel
4o clumber
dg English springer
3t Welsh springer spaniel
3x cocker spaniel
4i Sussex spaniel
dp Irish water spaniel
tc kuvasz
9c schipperke
j7 groenendael
2y malinois
2h briard
4h kelpie
2l komondor
3s Old English sheepdog
5y Shetland sheepdog
4v collie
3s Border collie
60 Bouvier des Flandres
4o Rottweiler
34 German shepherd
dc Doberman
4q miniature pinscher
7a Greater Swiss Mountain dog
31 Bernese mountain dog
69 Appenzeller
2k EntleBucher
2h boxer
99 bull mastiff
3l Tibetan mastiff
a4 French bulldog
3o Great Dane
da Saint Bernard
c4 Eskimo dog
2u malamute
3e Siberian husky
4c dalmatian
7y affenpinscher
4z basenji
48 pug
4r Leonberg
44 Newfoundland
67 Great Pyrenees
at Samoyed
3l Pomeranian
3b chow
5x keeshond
9w Brabancon griffon
8t Pembroke
4j Cardigan
c6 toy poodle
2g miniature poodle
2f standard poodle
4z Mexican hairless
at timber wolf
51 white wolf
4k red wolf
3z coyote
lu dingo
7k dhole
mx African hunting dog
b1 hyena
1gf red fox
lb kit fox
82 Arctic fox
bu grey fox
1yk tabby
36 tiger cat
6j Persian cat
5n Siamese cat
da Egyptian cat
yc cougar
1cd lynx
111 leopard
ac snow leopard
4o jaguar
6o lion
c7 tiger
jk cheetah
1es brown bear
sh American black bear
pn ice bear
9a sloth bear
2ez mongoose
os meerkat
kko tiger beetle
9r ladybug
1b3 ground beetle
170 long-horned beetle
m6 leaf beetle
22l dung beetle
1ej rhinoceros beetle
32b weevil
9eq fly
cvm bee
9qu ant
5cv grasshopper
2ej cricket
1hz walking stick
1ff cockroach
236 mantis
fwk cicada
1z0 leafhopper
3z3 lacewing
35c dragonfly
be damselfly
5pp admiral
158 ringlet
1py monarch
it cabbage butterfly
l1 sulphur butterfly
al lycaenid
rfg starfish
1cw sea urchin
1vm sea cucumber
2yl wood rabbit
tm hare
1bq Angora
bdb hamster
2vy porcupine
7uj fox squirrel
3i3 marmot
1ac beaver
1ac guinea pig
ish sorrel
1k7 zebra
3d1 hog
sd wild boar
il warthog
13l hippopotamus
3gi ox
46q water buffalo
1ls bison
17n ram
2p5 bighorn
1sx ibex
38g hartebeest
gh impala
8z gazelle
b0y Arabian camel
8g llama
3c6 weasel
p3 mink
7h polecat
aa black-footed ferret
113 otter
ow skunk
19v badger
5et armadillo
2c5 three-toed sloth
htb orangutan
a0 gorilla
qw chimpanzee
16r gibbon
9m siamang
z7 guenon
zq patas
45 baboon
q1 macaque
q8 langur
bf colobus
cw proboscis monkey
t9 marmoset
1eg capuchin
hd howler monkey
nl titi
7w spider monkey
7y squirrel monkey
2ru Madagascar cat
202 indri
2w2 Indian elephant
cd African elephant
44t lesser panda
hs giant panda
2rm barracouta
9bk eel
8af coho
1hdw rock beauty
sc anemone fish
ple sturgeon
vl gar
1or lionfish
8u6 puffer
8mg abacus
ox abaya
212 academic gown
2ec accordion
2vr acoustic guitar
86m aircraft carrier
2gx airliner
1xk airship
53t altar
15w ambulance
2xa amphibian
2jp analog clock
ex1 apiary
2pc apron
cjb ashcan
1ry assault rifle
fn1 backpack
5b7 bakery
id balance beam
3pd balloon
to ballpoint
28h Band Aid
17g banjo
em bannister
274 barbell
3k barber chair
42 barbershop
1pt barn
id barometer
s5 barrel
1n2 barrow
1dc baseball
2l7 basketball
1j8 bassinet
5g bassoon
1y3 bathing cap
wj bath towel
3s bathtub
4p9 beach wagon
93 beacon
r2 beaker
1aq bearskin
4k8 beer bottle
8y beer glass
1gz bell cote
6qs bib
oa bicycle-built-for-two
1xy bikini
1w8 binder
tq binoculars
1tt birdhouse
c5r boathouse
130 bobsled
3h4 bolo tie
3gm bonnet
sz bookcase
hx bookshop
4tc bottlecap
1i9 bow
2ov bow tie
6xw brass
fq brassiere
1f2 breakwater
f9 breastplate
8xo broom
2f4 bucket
df buckle
52v bulletproof vest
3n bullet train
7se butcher shop
2s5 cab
6hv caldron
6uv candle
24i cannon
es canoe
6b can opener
8xi cardigan
20w car mirror
be carousel
dq carpenter's kit
3lp carton
21j car wheel
2cv cash machine
1en cassette
8h cassette player
yv castle
11j catamaran
50w CD player
30j cello
8u cellular telephone
5b5 chain
k4 chainlink fence
35 chain mail
c5 chain saw
ath chest
1qg chiffonier
5z chime
wt china cabinet
6al Christmas stocking
17p church
37x cinema
78k cleaver
nu cliff dwelling
2h4 cloak
1jc clog
b8b cocktail shaker
11m coffee mug
2i coffeepot
1c7 coil
7oa combination lock
7fv computer keyboard
3k3 confectionery
4or container ship
3i5 convertible
6vi corkscrew
167 cornet
abi cowboy boot
3j cowboy hat
17b cradle
r6 crane
sw crash helmet
4y crate
2td crib
1s0 Crock Pot
nx croquet ball
5gs crutch
3e4 cuirass
ave dam
eyo desk
8m desktop computer
5uo dial telephone
q0 diaper
5xi digital clock
v4 digital watch
2zj dining table
51j dishrag
5i dishwasher
rp disk brake
636 dock
122 dogsled
1sb dome
25e doormat
dew drilling platform
6uu drum
zi drumstick
387 dumbbell
3a2 Dutch oven
9hi electric fan
c4 electric guitar
fc electric locomotive
dyj entertainment center
we envelope
4do espresso maker
dc5 face powder
8c4 feather boa
8x0 file
5lh fireboat
ue fire engine
172 fire screen
6uw flagpole
cfc flute
3iu folding chair
1w8 football helmet
439 forklift
2uj fountain
3w fountain pen
a6 four-poster
44z freight car
rw French horn
43n frying pan
33o fur coat
9vb garbage truck
5mb gasmask
u8 gas pump
duu goblet
if go-kart
1cf golf ball
43 golfcart
16b gondola
7m gong
1xp gown
1xr grand piano
3zd greenhouse
1g1 grille
18q grocery store
4dv guillotine
7f4 hair slide
8j hair spray
18e half track
1zr hammer
y9 hamper
pb hand blower
1m3 hand-held computer
ar handkerchief
57g hard disc
1c8 harmonica
r8 harp
19e harvester
1li hatchet
lz6 holster
1v4 home theater
lq honeycomb
1ke hook
1h0 hoopskirt
xc horizontal bar
20y horse cart
4fd hourglass
uy7 iPod
fz iron
4n0 jack-o'-lantern
305 jean
5v jeep
il jersey
2k4 jigsaw puzzle
fg jinrikisha
2md joystick
b9h kimono
4eu knee pad
342 knot
2fj lab coat
238 ladle
39f lampshade
48g laptop
5hb lawn mower
5kc lens cap
tk letter opener
27e library
17a lifeboat
32u lighter
2sh limousine
26b liner
2o0 lipstick
2zk Loafer
85z lotion
eh loudspeaker
tj loupe
3gl lumbermill
746 magnetic compass
2ru mailbag
aa mailbox
cc maillot
2c maillot tank suit
5bp manhole cover
2it maraca
dp marimba
2ou mask
3to matchstick
2jt maypole
46 maze
ek measuring cup
6eu medicine chest
p1 megalith
d2i microphone
ve microwave
284 military uniform
lc milk can
3yx minibus
fi miniskirt
6o minivan
26h missile
17j mitten
d7 mixing bowl
pe mobile home
us Model T
56 modem
2oy monastery
l6 monitor
2bm moped
1gd mortar
3n mortarboard
wb mosque
4q mosquito net
22o motor scooter
1c1 mountain bike
5a mountain tent
ed mouse
fr mousetrap
1t5 moving van
5b7 muzzle
14k nail
7mv neck brace
7f necklace
8ea nipple
5b9 notebook
40c obelisk
sm oboe
1di ocarina
cu odometer
1v0 oil filter
83y organ
2wj oscilloscope
6da overskirt
1o0 oxcart
h9 oxygen mask
24t packet
1do paddle
od paddlewheel
8i padlock
19c paintbrush
yh pajama
ad palace
520 panpipe
2jo paper towel
fk parachute
9o parallel bars
21i park bench
29 parking meter
3hy passenger car
30e patio
1th pay-phone
1cf pedestal
3ny pencil box
2o pencil sharpener
5n9 perfume
3a9 Petri dish
3dz photocopier
3ud pick
5f pickelhaube
cq picket fence
8t pickup
2jr pier
12y piggy bank
1pc pill bottle
jh pillow
3ix ping-pong ball
16g pinwheel
2qj pirate
1t0 pitcher
3h3 plane
13m planetarium
1li plastic bag
2os plate rack
4ij plow
202 plunger
4vb Polaroid camera
5a pole
10d police van
28s poncho
178 pool table
qu pop bottle
5wy pot
147 potter's wheel
27j power drill
26e prayer rug
52l printer
nz prison
2bg projectile
pi projector
7ph puck
3et punching bag
1w7 purse
5rw quill
2m quilt
2ns racer
1hu racket
12a radiator
lt radio
2g4 radio telescope
3jf rain barrel
cbl recreational vehicle
1p4 reel
1ii reflex camera
zx refrigerator
39o remote control
4vi restaurant
3uo revolver
32u rifle
7hm rocking chair
8x6 rotisserie
3ud rubber eraser
1ka rugby ball
6m rule
1bl running shoe
3hw safe
1pw safety pin
3fd saltshaker
1mb sandal
1yo sarong
3nr sax
6z scabbard
i0 scale
3kv school bus
ft schooner
212 scoreboard
258 screen
w6 screw
mm screwdriver
6a5 seat belt
d9z sewing machine
9v5 shield
692 shoe shop
dt shoji
29p shopping basket
31 shopping cart
2zb shovel
pn shower cap
2y shower curtain
ein ski
1cy ski mask
4nw sleeping bag
28n slide rule
8n sliding door
3g8 slot
5v2 snorkel
px snowmobile
44 snowplow
1gn soap dispenser
fk soccer ball
2p sock
2ld solar dish
15g sombrero
2sr soup bowl
123 space bar
hz space heater
kj space shuttle
36t spatula
2n2 speedboat
1iz spider web
1e4 spindle
5wo sports car
17j spotlight
7pf stage
ads steam locomotive
re steel arch bridge
4q steel drum
4mp stethoscope
6kx stole
nf stone wall
19j stopwatch
1lt stove
1iw strainer
2go streetcar
11p stretcher
68h studio couch
14f stupa
13m submarine
2fj suit
3f5 sundial
gj sunglass
3f sunglasses
yy sunscreen
6zh suspension bridge
ux swab
2ao sweatshirt
r2 swimming trunks
9k swing
gk switch
3h6 syringe
2tl table lamp
6k4 tank
31s tape player
3wj teapot
116 teddy
3vq television
3xr tennis ball
6al thatch
j1 theater curtain
48g thimble
3cq thresher
wx throne
4ud tile roof
54z toaster
q9 tobacco shop
3jw toilet seat
6da torch
1xy totem pole
2d3 tow truck
f4 toyshop
2il tractor
1o4 trailer truck
6mq tray
25f trench coat
2kz tricycle
pe trimaran
1db tripod
r0 triumphal arch
sj trolleybus
8p trombone
4mb tub
65x turnstile
35w typewriter keyboard
1at umbrella
1qu unicycle
4b6 upright
26c vacuum
3cp vase
11p vault
161 velvet
7f vending machine
58x vestment
fo viaduct
38k violin
2gj volleyball
28a waffle iron
449 wall clock
2a wallet
1em wardrobe
1o4 warplane
11n washbasin
r9 washer
2ac water bottle
2fo water jug
1n7 water tower
cia whiskey jug
7z whistle
3on wig
4dv window screen
6n window shade
sk Windsor tie
fg wine bottle
sk wing
335 wok
wj wooden spoon
10q wool
469 worm fence
18n wreck
4tp yawl
x4 yurt
11eu1 web site
5303 comic book
4222 crossword puzzle
6iw street sign
1psb traffic light
80on book jacket
6sez menu
bcg plate
2j3 guacamole
t0 consomme
50l hot pot
hn9 trifle
sc ice cream
ze ice lolly
1gpi French loaf
7ft bagel
1k1 pretzel
17n cheeseburger
68 hotdog
ats mashed potato
2be head cabbage
bn broccoli
35 cauliflower
yv zucchini
f8 spaghetti squash
e0 acorn squash
42 butternut squash
pg cucumber
7n artichoke
1n4 bell pepper
72e cardoon
3mv mushroom
5u9 Granny Smith
2sr strawberry
1ab orange
1iv lemon
2q3 fig
4i pineapple
8t banana
uc jackfruit
4rj custard apple
61n pomegranate
ppw hay
mgw carbonara
4e4 chocolate sauce
imu dough
8cm meat loaf
1jh pizza
11d potpie
4hk burrito
8wo red wine
l90 espresso
8cc cup
wn eggnog
r1ia alp
rs4 bubble
cxf cliff
7q7 coral reef
ot8 geyser
y5b lakeside
1fgu promontory
h93 sandbar
4w6 seashore
v3r valley
32x volcano
7s0t ballplayer
6p5d groom
8y8w scuba diver
s62c rapeseed
19zg daisy
2iu0 yellow lady's slipper
1vex corn
2mzd acorn
7k9x hip
36aw buckeye
4nkn coral fungus
9zy agaric
trz gyromitra
28h stinkhorn
3gb earthstar
638 hen-of-the-woods
1gi bolete
1ozx ear
15m3c toilet tissue`;

function lines(all: string): Labels {
  let number = 0;
  return all.split("\n").map((line) => {
    number += Number.parseInt(line, 36); // which ends at the space
    return { name: line.slice(line.indexOf(" ") + 1), wnid: `n${String(number).padStart(8, "0")}` };
  });
}

/** The 1000 classes of ImageNet-1k with their WordNet ids. Its own module, so that bundlers leave it out where it is not used. */
export const imagenetLabels: Labels = /* @__PURE__ */ lines(text);
