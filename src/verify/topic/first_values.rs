//! The first value of every named stream and distribution: when a library or a machine gives another one, all results
//! change, and this is the first to say so.
//!
//! Those of the streams were computed by another program from the published algorithms: FNV-1a, SplitMix64 and
//! xoshiro256++, its upper 52 bits and a half. All are for ever, and depend on no seed of the command line.

use crate::engine::{Purpose, Streams};
use crate::parameter::ScalarDistribution;
use crate::verify::{Band, Check};

/// The purposes for which the world and the platforms draw, and the first uniform number of seed 1, replication 0, entity 0.
const STREAMS: [(&str, f64); 120] = [
    ("vm boot", 0.6743800414300479),
    ("vm reboot", 0.5744394966433012),
    ("vm launch failure", 0.257066143071922),
    ("vm crash", 0.47650150390379264),
    ("vm crash duration", 0.4385390253606197),
    ("vm loss", 0.37494777965315984),
    ("process crash", 0.631787156232395),
    ("probe phase", 0.8817301410806261),
    ("process hang", 0.9700934495873658),
    ("registry outage", 0.42648521157217345),
    ("registry outage duration", 0.393901127705479),
    ("zone outage", 0.04130729841659375),
    ("zone outage duration", 0.09682533916243996),
    ("box start-up", 0.7864844170544266),
    ("health check phase", 0.9421520289232211),
    ("heartbeat phase", 0.4634381790841541),
    ("alert scrape phase", 0.37095512579022827),
    ("page acknowledge", 0.09287582220655322),
    ("release time", 0.690770375492734),
    ("release quality", 0.6026821383718454),
    ("flash crowd time", 0.5667835018219051),
    ("flash crowd size", 0.1688968550426425),
    ("traffic burst level", 0.875243598029167),
    ("version build", 0.3894150763097167),
    ("image bake", 0.7874222484255365),
    ("cattle rollback", 0.7685182035652872),
    ("cattle configure", 0.9075508881458526),
    ("cattle health phase", 0.26681505926836546),
    ("diagnose", 0.15099344041708218),
    ("hpa phase", 0.9076390485578106),
    ("crash-loop jitter", 0.9746275240122643),
    ("image pull poll", 0.33876596322973407),
    ("node join", 0.26061236489898787),
    ("kubernetes rollback", 0.831721125189515),
    ("pet deploy", 0.7139561200446846),
    ("pet rollback", 0.43376181442875106),
    ("pet build", 0.8303197465515234),
    ("look again", 0.9406573275049365),
    ("edit route", 0.148983365728114),
    ("bootstrap over replications", 0.7227283876859084),
    ("coverage of intervals", 0.35964962310056914),
    ("memory leak", 0.767324080843249),
    ("memory leak age at the start", 0.2521755761354897),
    ("overheating", 0.7486809220402034),
    ("overheating duration", 0.7236071741019353),
    ("overheating reach", 0.6142309554600992),
    ("power outage", 0.34022003869493467),
    ("power outage duration", 0.76295944546787),
    ("rack network spells", 0.9683270243466383),
    ("rack network trouble", 0.007195439252598246),
    ("rack network trouble duration", 0.4969532107313951),
    ("rack outage", 0.5635116236520606),
    ("rack outage duration", 0.018423107476517875),
    ("request arrival", 0.47119219609473506),
    ("request choice", 0.6944249929300844),
    ("request work", 0.15187157513084137),
    ("slow vm", 0.8560243701498255),
    ("slow vm duration", 0.005390689274765603),
    ("scheduler ties", 0.556_615_838_306_318_8),
    ("spot reclaim", 0.17154576987044268),
    ("time since the release before the start", 0.44014322766264236),
    ("complaint of a user", 0.9235667338287185),
    ("configuration agent phase", 0.9664615195102503),
    ("configuration run", 0.3721649018617653),
    ("ejection of a target", 0.16831452358512522),
    ("human slip", 0.5647275364874339),
    ("conflict of versions", 0.012614927802101827),
    ("image bake fails", 0.6647999611626624),
    ("node upgrade begin", 0.8470950622450514),
    ("node upgrade phase", 0.9336138973603675),
    ("node upgrade stuck", 0.6586562390709539),
    ("person learns", 0.7363424305882346),
    ("person leaves", 0.9186443922997257),
    ("person on vacation", 0.7586389986654184),
    ("pet archaeology", 0.0020920478583691393),
    ("pet backup age", 0.2548186548153816),
    ("pet debug", 0.5050568469641844),
    ("pet difference breaks deploy", 0.3845372809303439),
    ("pet difference breaks rebuild", 0.00813382029643328),
    ("pet difference left", 0.5441900420834717),
    ("pet differences at the start", 0.032185585785517445),
    ("pet differs when built", 0.21447998721151673),
    ("pet machine ticket", 0.5252428776237762),
    ("pet restore", 0.15863297438795254),
    ("thin image install", 0.9019581390060346),
    ("thin image install fails", 0.054832939514511625),
    ("who knows a service", 0.24312527207996315),
    ("work without knowing", 0.047781918116697075),
    ("environment mismatch", 0.8921300493791909),
    ("in-place start", 0.4529525592892404),
    ("in-place task", 0.07625052673640853),
    ("configuration change time", 0.8692043958045862),
    ("configuration change quality", 0.900678559180326),
    ("cloud api outage", 0.4297329469227561),
    ("cloud api outage duration", 0.17993865153339372),
    ("no capacity", 0.6995045578935192),
    ("no capacity duration", 0.7720319413617885),
    ("disk full", 0.10338134214146899),
    ("disk full gets through", 0.032343233982274566),
    ("requests in a log", 0.2563938322455658),
    ("vulnerability", 0.7008419338570465),
    ("vulnerability of the system", 0.4822994496566947),
    ("vulnerability of the runtime", 0.8763187921988721),
    ("pet age at the start", 0.8893327428917847),
    ("pet patch delay", 0.20462694885053734),
    ("pet reboot for a patch", 0.8712813534637794),
    ("pet patch", 0.34938142089493984),
    ("image age at the start", 0.8590837833107451),
    ("image patch", 0.7139588274134051),
    ("image rebuild", 0.011872814238822804),
    ("base images", 0.7858080898420269),
    ("node images", 0.8454352168300076),
    ("discovery outage", 0.6135540884870764),
    ("discovery outage duration", 0.8527845659800956),
    ("discovery outage empties lists", 0.013762917395315655),
    ("registry leader", 0.5682235959640473),
    ("edit of a list", 0.7130510127088384),
    ("push of a list", 0.703271249784526),
    ("registry server replaced", 0.18746302791034364),
    ("registry looked at", 0.24544412613889877),
];

/// Distributions, and the variate that belongs to the uniform number of the stream `vm boot`.
const VARIATES: [(&str, &str, f64); 5] = [
    ("exponential", "exponential(7)", 7.854170442391863),
    ("lognormal", "lognormal(7, 0.5)", 8.775206678337598),
    ("uniform", "uniform(2, 12)", 8.74380041430048),
    ("weibull", "weibull(0.5, 7)", 8.812570476877426),
    ("mixture", "0.9 * exponential(4) + 0.1 * 34", 5.534171115100415),
];

fn first(purpose: &str) -> f64 {
    Streams::new(1, 0).open(Purpose::named(purpose), &[0]).uniform()
}

pub fn checks() -> Vec<Check> {
    let source = "Blackman & Vigna 2021 (xoshiro256++), Steele, Lea & Flood 2014 (SplitMix64)";
    let streams = STREAMS.into_iter().map(|(purpose, expected)| {
        let name = format!("first-{}", purpose.replace(' ', "-"));
        Check::new(name, expected, Band::Exact, move |_| first(purpose).into())
            .claims(format!("first number of the stream `{purpose}` of seed 1"))
            .after(source)
    });
    let variates = VARIATES.into_iter().map(|(name, text, expected)| {
        let band = Band::Within(1e-12 * expected, "logarithms of the platform may differ in the last digit");
        Check::new(format!("first-{name}"), expected, band, move |_| {
            text.parse::<ScalarDistribution>().expect("a distribution").sample(first("vm boot")).into()
        })
        .claims(format!("first variate of {text}"))
        .after("inverse distribution function of that number; written down once")
    });
    streams.chain(variates).collect()
}
