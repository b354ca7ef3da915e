//! How this panel is reached: directly, and through its accounts.

/// Direct IP calls.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DirectIpView {
    /// `phone.direct_ip.enabled`.
    pub enabled: bool,
    /// `phone.direct_ip.port`.
    pub port: u16,
    /// `udp:0.0.0.0:5060`, `tcp:0.0.0.0:5060` …
    pub listening: Vec<String>,
    /// The address under which others reach this panel, as the routing table has it.
    pub address: Option<std::net::IpAddr>,
    /// What is wrong, for example that the port is taken.
    pub error: Option<String>,
}

/// How an account stands with its registrar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RegistrationState {
    /// Switched off or not set up.
    #[default]
    Disabled,
    /// Asked, no answer yet.
    Registering,
    /// In force.
    Registered,
    /// Refused or not reached.
    Failed,
    /// Taken back.
    Unregistered,
}

impl RegistrationState {
    /// The name in `status`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Registering => "registering",
            Self::Registered => "registered",
            Self::Failed => "failed",
            Self::Unregistered => "unregistered",
        }
    }
}

/// One account.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RegistrationView {
    /// 1 or 2.
    pub account: u8,
    /// Where it stands.
    pub state: RegistrationState,
    /// Code and reason of a failure.
    pub reason: Option<String>,
}
