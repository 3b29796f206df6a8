use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use kitelogik_core::{Arguments, BoxFuture, DataClassification};
use kitelogik_opa::Permit;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::body::{Body, Fault};
use crate::canonical::canonical;
use crate::error::{ArgumentProblem, InvalidArguments};
use crate::schema::{self, ArgumentSchema};
use crate::{BuildError, GovernedFunction, Opened};

/// A tool: a name, what a model is told of it, and a body that runs only with the gate's permit.
///
/// Made from a function with `#[governed]`, from a closure over a typed argument struct
/// ([`Tool::typed`]), or from a schema and a handler over JSON ([`Tool::dynamic`]). Whoever makes one
/// never touches a permit: the toolbox does.
#[derive(Clone)]
pub struct Tool {
    pub(crate) spec: ToolSpec,
    pub(crate) schema: ArgumentSchema,
    read: ReadArguments,
    invoke: Invoke,
}

/// What is known of a tool besides its arguments and its body.
#[derive(Clone, Debug)]
pub(crate) struct ToolSpec {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) action: String,
    pub(crate) resources: Vec<String>,
    pub(crate) data_classification: Option<DataClassification>,
    pub(crate) sanitise: bool,
}

/// From arguments that fit the schema to the canonical ones that are judged.
type ReadArguments =
    Arc<dyn Fn(&str, Map<String, Value>) -> Result<Arguments, InvalidArguments> + Send + Sync>;

/// From a permit to the JSON that the body made.
type Invoke =
    Arc<dyn Fn(Permit, &ToolSpec) -> BoxFuture<'static, Result<Value, RunError>> + Send + Sync>;

/// Why a permitted call has no result.
pub(crate) enum RunError {
    /// The permit did not open.
    Permit(String),
    /// The body did not get its thread.
    NeverRan(String),
    Failed(String),
    Panicked,
    Unwritable(String),
}

impl Tool {
    /// A tool with typed arguments.
    ///
    /// The schema comes from the type. The policy sees the arguments decoded to `A` and written
    /// again, with defaults filled in; the body gets what decodes from exactly that JSON.
    ///
    /// ```
    /// use kitelogik_toolbox::{Tool, Toolbox};
    /// use schemars::JsonSchema;
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize, JsonSchema)]
    /// struct Lookup {
    ///     /// The customer's id.
    ///     customer_id: String,
    /// }
    ///
    /// let lookup = Tool::typed("get_customer", "Look a customer up.", |args: Lookup| async move {
    ///     Ok::<_, std::io::Error>(format!("customer {}", args.customer_id))
    /// })?;
    /// let tools = Toolbox::builder().tool(lookup).build()?;
    /// # Ok::<(), kitelogik_toolbox::BuildError>(())
    /// ```
    ///
    /// # What is refused beyond the schema
    ///
    /// Arguments are checked against the published schema first, and undeclared ones are refused at
    /// every depth (so an alias is, too: it is not in the schema). What JSON Schema cannot say or
    /// does not check is then refused when the arguments are decoded, as invalid arguments:
    ///
    /// * integers outside their type, where that is one of 32 bits or more (`u32`, `i64`, `usize`,
    ///   `NonZeroU32`); smaller ones are bounded by the schema;
    /// * integral numbers beyond 2^53 that are written as floats;
    /// * numbers too large for an `f32`;
    /// * text that is none of the type's: IP addresses, dates, UUIDs, URLs; formats are told, not
    ///   checked;
    /// * keys of a map that are none of its key type;
    /// * a `Duration` that overflows;
    /// * forms of an untagged enum that hold the enum itself, nested too deeply: decoding tries each
    ///   form at each level, so that every level multiplies the work. What would take more than
    ///   100,000 steps (and 16 for each value) is refused: about 12 levels where two forms overlap,
    ///   8 where three do. An enum with a tag nests as deeply as all arguments may, 64 levels;
    /// * whatever a `Deserialize` of the tool's own refuses;
    /// * what does not survive being written and read back, such as a field that is skipped when
    ///   written and required when read.
    ///
    /// # Errors
    ///
    /// The name is not one that a model can call, or the type's schema is not an object's.
    pub fn typed<A, F, Fut, T, E>(
        name: impl Into<String>,
        description: impl Into<String>,
        body: F,
    ) -> Result<Self, BuildError>
    where
        A: Serialize + DeserializeOwned + JsonSchema + Send + 'static,
        F: Fn(A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
        T: Serialize + Send + 'static,
        E: fmt::Display + Send + 'static,
    {
        let spec = ToolSpec::new(name.into(), description.into())?;
        let schema = ArgumentSchema::of::<A>(&spec.name)?;
        let body = Arc::new(body);
        Ok(Self {
            spec,
            schema,
            read: Arc::new(read_typed::<A>),
            invoke: Arc::new(move |permit, spec| {
                let body = Arc::clone(&body);
                let opened = permit.open::<A>(&spec.name, &spec.action);
                Box::pin(async move {
                    let (args, _context, running) = opened.map_err(not_opened)?.into_parts();
                    // Called inside the future, so that a panic in the closure is caught.
                    let body = Body::Async(Box::pin(async move { body(args).await }));
                    written(body.run(running).await)
                })
            }),
        })
    }

    /// A tool known only at run time: a JSON Schema for its arguments, and a handler over JSON.
    ///
    /// The arguments are validated against the schema before the policy sees them. The work of that
    /// is bounded also where the forms of a choice lead back to the choice; where such forms nest
    /// too deeply to look into each, the error does not say which part does not fit.
    ///
    /// # Errors
    ///
    /// The name is not one that a model can call, or the schema is none of an object.
    pub fn dynamic<F, Fut, E>(
        name: impl Into<String>,
        description: impl Into<String>,
        parameters: Value,
        handler: F,
    ) -> Result<Self, BuildError>
    where
        F: Fn(Map<String, Value>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Value, E>> + Send + 'static,
        E: fmt::Display + Send + 'static,
    {
        let spec = ToolSpec::new(name.into(), description.into())?;
        let schema = ArgumentSchema::given(&spec.name, parameters)?;
        let handler = Arc::new(handler);
        Ok(Self {
            spec,
            schema,
            read: Arc::new(|_, object| Ok(object.into())),
            invoke: Arc::new(move |permit, spec| {
                let handler = Arc::clone(&handler);
                let opened = permit.open::<Map<String, Value>>(&spec.name, &spec.action);
                Box::pin(async move {
                    let (args, _context, running) = opened.map_err(not_opened)?.into_parts();
                    let body = Body::Async(Box::pin(async move { handler(args).await }));
                    written(body.run(running).await)
                })
            }),
        })
    }

    /// The tool that a `#[governed]` function is.
    pub(crate) fn of_function<F: GovernedFunction>(
        state: impl Fn() -> F::State + Send + Sync + 'static,
    ) -> Result<Self, BuildError> {
        let spec = ToolSpec {
            action: F::ACTION.to_owned(),
            resources: F::RESOURCES.iter().map(|&name| name.to_owned()).collect(),
            sanitise: F::SANITISE,
            ..ToolSpec::new(F::NAME.to_owned(), F::DESCRIPTION.to_owned())?
        };
        let schema = ArgumentSchema::of::<F::Args>(&spec.name)?;
        spec.check_resources(&schema)?;
        Ok(Self {
            spec,
            schema,
            read: Arc::new(read_typed::<F::Args>),
            invoke: Arc::new(move |permit, spec| {
                // Cloned first: where that panics, the permit has not been used.
                let state = state();
                let opened = Opened::<F>::open(permit, &spec.action);
                Box::pin(async move {
                    let (body, running) = F::body(state, opened.map_err(not_opened)?);
                    written(body.run(running).await)
                })
            }),
        })
    }

    /// The policy's name for the tool. Default: its own name.
    #[must_use]
    pub fn action(mut self, action: impl Into<String>) -> Self {
        self.spec.action = action.into();
        self
    }

    /// The argument that carries the path or URL which the tool touches (`a.b` for a nested one).
    /// Said twice, as for a copy, each is judged and the strongest verdict holds.
    ///
    /// # Errors
    ///
    /// The schema has no such argument.
    pub fn resource(mut self, argument: impl Into<String>) -> Result<Self, BuildError> {
        self.spec.resources.push(argument.into());
        self.spec.check_resources(&self.schema)?;
        Ok(self)
    }

    /// How sensitive the data is that the tool touches.
    #[must_use]
    pub fn data_classification(mut self, classification: DataClassification) -> Self {
        self.spec.data_classification = Some(classification);
        self
    }

    /// Whether its results are sanitised before a model reads them. Default: yes.
    #[must_use]
    pub fn sanitise(mut self, sanitise: bool) -> Self {
        self.spec.sanitise = sanitise;
        self
    }

    /// The tool's name.
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    pub(crate) fn judged(&self, object: Map<String, Value>) -> Result<Arguments, InvalidArguments> {
        let name = &self.spec.name;
        let args = caught(|| (self.read)(name, object)).unwrap_or_else(|| {
            let expected = "arguments that the tool can read";
            let problem = ArgumentProblem::new("$", expected, "some that make it panic");
            Err(InvalidArguments::of(name, problem))
        })?;
        if args.text().len() > schema::MAX_ARGUMENT_BYTES {
            return Err(schema::too_long(&self.spec.name, args.text().len()));
        }
        Ok(args)
    }

    pub(crate) async fn run(&self, permit: Permit) -> Result<Value, RunError> {
        // The body's own panics are caught where it runs, so that they are recorded, and those of
        // writing its result where it is written; this catches the rest of the tool author's code,
        // such as cloning the state.
        let run = async { (self.invoke)(permit, &self.spec).await };
        AssertUnwindSafe(run)
            .catch_unwind()
            .await
            .unwrap_or(Err(RunError::Panicked))
    }
}

impl fmt::Debug for Tool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Tool")
            .field("spec", &self.spec)
            .finish_non_exhaustive()
    }
}

impl ToolSpec {
    fn new(name: String, description: String) -> Result<Self, BuildError> {
        let callable = (1..=64).contains(&name.len())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        if !callable {
            return Err(BuildError::Name(name));
        }
        Ok(Self {
            action: name.clone(),
            name,
            description,
            resources: Vec::new(),
            data_classification: None,
            sanitise: true,
        })
    }

    fn check_resources(&self, schema: &ArgumentSchema) -> Result<(), BuildError> {
        match self.resources.iter().find(|name| !schema.has(name)) {
            None => Ok(()),
            Some(argument) => Err(BuildError::Resource {
                tool: self.name.clone(),
                argument: argument.clone(),
            }),
        }
    }
}

fn read_typed<A: Serialize + DeserializeOwned>(
    tool: &str,
    object: Map<String, Value>,
) -> Result<Arguments, InvalidArguments> {
    let problem = |path: &str, expected: &str, came: &str| {
        InvalidArguments::of(tool, ArgumentProblem::new(path, expected, came))
    };
    // The first decoded value is dropped: the body's is read back from the judged JSON.
    let args: A = serde_path_to_error::deserialize(Value::Object(object)).map_err(|error| {
        let path = match error.path().to_string().as_str() {
            "." => "$".to_owned(),
            path => format!("$.{path}"),
        };
        let why = error.inner().to_string();
        problem(&path, "a value of the tool's type", &why)
    })?;
    canonical(&args).map_err(|error| {
        let expected = "arguments that can be judged as JSON";
        problem("$", expected, &error.to_string())
    })
}

fn not_opened(error: kitelogik_opa::PermitError) -> RunError {
    RunError::Permit(error.to_string())
}

fn written<T: Serialize, E: fmt::Display>(ended: Result<T, Fault<E>>) -> Result<Value, RunError> {
    match ended {
        // The body has run, whatever comes of writing its result.
        Ok(value) => caught(move || {
            crate::finite::check(&value)
                .map_err(|error| RunError::Unwritable(error.to_string()))?;
            serde_json::to_value(&value).map_err(|error| RunError::Unwritable(error.to_string()))
        })
        .unwrap_or_else(|| Err(RunError::Unwritable("writing it panicked".to_owned()))),
        Err(Fault::Failed(error)) => Err(RunError::Failed(
            caught(move || error.to_string())
                .unwrap_or_else(|| "its error cannot be shown".to_owned()),
        )),
        Err(Fault::Panicked(_)) => Err(RunError::Panicked),
        Err(Fault::NeverRan(why)) => Err(RunError::NeverRan(why)),
    }
}

/// What the tool author's code gives, or nothing where it panics.
fn caught<T>(code: impl FnOnce() -> T) -> Option<T> {
    std::panic::catch_unwind(AssertUnwindSafe(code)).ok()
}
