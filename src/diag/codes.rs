//! The one table of diagnostic codes.
//!
//! `E00` sources and syntax, `E01` names and imports, `E02` types and values, `E03` roles and
//! groups, `E04` dependencies and coordination, `E05` inventory, `E06` names, levels and
//! capabilities against cluster and target, `E07` placement, `E08` writing, `E09` limits, what
//! is not supported yet, and comparisons, `W0` warnings. A code is never reused.

use super::Severity;

macro_rules! codes {
    ($($variant:ident $text:literal $title:literal;)*) => {
        /// The kind of a problem. Each has a page `docs/diagnostics/<code>.md`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code { $(#[doc = $title] $variant,)* }

        impl Code {
            /// All codes, sorted by their text.
            pub const ALL: &'static [Code] = &[$(Code::$variant,)*];

            /// The text that people search for, such as `E0203`.
            pub fn text(self) -> &'static str {
                match self { $(Code::$variant => $text,)* }
            }

            /// The problem in a few words.
            pub fn title(self) -> &'static str {
                match self { $(Code::$variant => $title,)* }
            }

            /// The page that `rbgc explain` prints.
            pub fn page(self) -> &'static str {
                match self { $(Code::$variant => include_str!(concat!("../../docs/diagnostics/", $text, ".md")),)* }
            }
        }
    };
}

codes! {
    UnreadableFile "E0001" "a file cannot be read";
    FileTooLarge "E0002" "a file is too large";
    NotUtf8 "E0003" "a file is not UTF-8";
    Syntax "E0004" "syntax error";
    TooDeep "E0005" "nesting is too deep";
    ForbiddenCharacter "E0006" "a control or bidirectional character in a source";
    BadLiteral "E0007" "a literal is out of range or malformed";
    UnknownName "E0101" "unknown name";
    DuplicateName "E0102" "a name is declared twice";
    AmbiguousName "E0103" "a name has two meanings here";
    UnknownModule "E0104" "unknown module or file";
    ImportCycle "E0105" "files import each other";
    ImportOutsideRoot "E0106" "an import leaves the project root";
    PrivateName "E0107" "a private name is used from outside";
    TypeMismatch "E0201" "a value has the wrong type";
    BadOperands "E0202" "an operator cannot be applied to these values";
    BadArguments "E0203" "wrong arguments";
    UnknownField "E0204" "unknown field";
    ValueCycle "E0205" "values depend on each other";
    MissingValue "E0206" "a required value is missing";
    BadParameter "E0207" "a parameter is set wrongly";
    AssertionFailed "E0208" "an assertion failed";
    BadIndex "E0209" "an index is out of range";
    Arithmetic "E0210" "arithmetic overflow or division by zero";
    TextTemplate "E0211" "a text template failed";
    RuntimeValue "E0212" "a value of the running pod is used at compile time";
    MisplacedStatement "E0213" "a statement does not belong here";
    DuplicateChild "E0301" "a role, port, volume or file is declared twice";
    MixinConflict "E0302" "two mixins, edges or refinements disagree";
    RefineUnknown "E0303" "a refinement of something that does not exist";
    AbsentRole "E0304" "use of a role whose condition is false";
    UndeclaredPort "E0305" "reference to a port that nobody declares";
    AutoscaledAddress "E0306" "static address of an autoscaled role";
    OutOfRange "E0307" "a field is out of its range";
    FieldConflict "E0308" "fields contradict each other";
    LiteralSecret "E0309" "a literal secret in the environment";
    ReservedAnnotation "E0310" "an annotation or label that belongs to a delivery tool or to the compiler";
    ForbiddenText "E0311" "text that makes Argo CD skip the file";
    InvalidPodField "E0312" "a field of the pod specification is unknown or has the wrong type";
    DependencyCycle "E0401" "roles or groups wait for each other";
    BadDependency "E0402" "a dependency that cannot hold";
    BadConnection "E0403" "a connection that cannot be made";
    RatioMismatch "E0404" "replica counts break the ratio";
    SkewUnreachable "E0405" "a skew bound below the optimum";
    BadCoordination "E0406" "a coordination that has no effect or contradicts another";
    BadInventory "E0501" "the inventory is malformed";
    DuplicateNode "E0502" "two nodes of one name";
    UnknownLevelInInventory "E0503" "a level that the inventory does not declare";
    BadQuantity "E0504" "a quantity is malformed or negative";
    BadHostlist "E0505" "a hostlist is malformed or too long";
    CrossedDomains "E0506" "a domain lies under two parents";
    BadImport "E0507" "a file cannot be imported";
    ContradictingImports "E0508" "two imported files disagree";
    InvalidName "E0601" "a name is not a DNS label";
    NameTooLong "E0602" "a name that will be made is too long";
    NameCollision "E0603" "two objects would have the same name";
    UnknownLevel "E0604" "unknown topology level";
    UnknownProduct "E0605" "an accelerator product that the inventory lacks";
    MissingCapability "E0606" "the cluster lacks what is asked for";
    VoidClause "E0607" "a placement clause that has no effect";
    ContradictingClauses "E0608" "placement clauses contradict each other";
    ShapeTooLarge "E0609" "an instance that no domain can hold by its shape";
    UnknownPool "E0610" "an unknown node pool";
    MissingResource "E0611" "a resource that the inventory does not name";
    UnlikeNics "E0631" "`node.nics` has no single value";
    NothingFits "E0701" "no placement satisfies every clause";
    UnkeptRoom "E0703" "room that no affinity can keep";
    TooManyMoves "E0704" "more instances would move than are allowed";
    NeedsSteps "E0705" "a change that one commit cannot bring about";
    EndlessWait "E0706" "instances wait for each other's room";
    ForeignFile "E0801" "a file that is not ours stands in the way";
    OutsideOutput "E0802" "an output path that leaves the output directory";
    WriteFailed "E0803" "the output cannot be written";
    BadLock "E0804" "a lock file is damaged";
    BadProject "E0805" "the project file is wrong";
    NotSupportedYet "E0901" "described by the language but not supported yet";
    LimitExceeded "E0902" "a limit of the compiler is exceeded";
    TargetLacks "E0911" "the target cannot give what is asked for";
    UnkeptByTemplate "E0912" "a clause that one template for all instances cannot keep";
    CrossedGroups "E0913" "groups that wait for each other as a whole";
    UnkeptSkew "E0914" "a bound that a controller does not keep";
    NothingToExposeBy "E0921" "the cluster offers no way to expose a role";
    FormLacks "E0922" "an option that the form of exposure does not have";
    RoutedTwice "E0923" "two routes of one host and path";
    Unsupervised "E0931" "pods that cannot be made to restart together";
    NoInterpreter "E0932" "an image that is not known to run scripts";
    NothingToWaitFor "E0933" "a role that nobody can find ready";
    LeavesInSteps "E0941" "instances that cannot leave in one commit";
    UpdateWhileScaling "E0942" "an update and a change of numbers that cannot be brought together";
    UnkeptRatio "E0943" "a ratio that autoscalers do not keep";
    MixedRevisions "E0961" "a change that lets old and new ends of a connection meet";
    BadGeneration "E0962" "a generation that cannot follow the one that stands";
    BadTree "E0971" "a tree that cannot be compared";
    NoRevision "E0972" "git does not give the tree to compare with";
    DeniedChange "E0973" "a change that is denied";
    UnplannedWarmUp "E0991" "a warm-up of nodes that nobody plans";
    FloatingTag "W0001" "an image without a fixed tag";
    UnusedName "W0002" "a name that nobody uses";
    VoidPreference "W0003" "a preference that has no effect";
    UnprunedGroup "W0005" "a group in the output that no source declares";
    ChangedFile "W0006" "a file that is no longer made was changed and stays";
    NoComputeDomain "W0010" "a clause that gives no NVLink between machines";
    MissingFacts "W0051" "facts are missing from an import";
    ClosedNodes "W0052" "imported nodes that take no pods";
    OtherHostname "W0053" "a hostname that differs from the name of its node";
    UnclearLevels "W0054" "levels whose order or values are not clear";
    NoGang "W0911" "pods of an instance that are not placed together";
    RefusedTraffic "W0921" "traffic that a network policy would refuse";
    UngatedWave "W0951" "a wave that is not waited for";
    UnboundWarmUp "W0991" "pods that may start on nodes that are not warmed up";
    ElasticWarmUp "W0992" "nodes that cannot be warmed up";
}

impl Code {
    /// `W` codes are warnings, all others errors.
    pub fn severity(self) -> Severity {
        if self.text().starts_with('W') { Severity::Warning } else { Severity::Error }
    }

    /// The code with this text.
    pub fn parse(text: &str) -> Option<Code> {
        Code::ALL.iter().copied().find(|c| c.text().eq_ignore_ascii_case(text))
    }
}
