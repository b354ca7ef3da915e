//! Every notice that the screen can show, and all that can be wrong with a file that was chosen.

use crate::channel::{
    BoardDevice, BoardTrouble, CertificateFault, CertificateRole, NoticeKind, PortFault, PortTrouble, SoundFault,
};
use crate::config::book::Unusable;
use crate::config::{DeviceFault, FileFault, Problem};

/// Every kind of notice, and every reason.
pub(in crate::ui) fn samples() -> Vec<NoticeKind> {
    let port = |trouble, in_part| NoticeKind::PortTaken {
        port: 5060,
        reason: PortFault { transport: "TCP", port: 5060, trouble },
        in_part,
    };
    let problems = [
        Problem::Unreadable(FileFault::TooLarge(8 << 20).of("/etc/config.toml")),
        Problem::NotUtf8,
        Problem::NotKept(FileFault::TooManyKept(99)),
        Problem::Line { line: 3, text: "port = = 3".to_owned(), parser: "invalid".to_owned() },
        Problem::Rest,
        Problem::Value {
            key: "phone.dnd.mode".to_owned(),
            given: "\"loud\"".to_owned(),
            problem: "is not one of them".to_owned(),
        },
        Problem::Value { key: "audio.input".to_owned(), given: "\"\"".to_owned(), problem: "empty".to_owned() },
        Problem::Contradiction { key: "account1.basic.transport".to_owned(), problem: "an address".to_owned() },
        Problem::Unknown("mqtt.broker".to_owned()),
        Problem::NoContacts,
        Problem::NoContact("7".to_owned()),
        Problem::Nameless,
        Problem::Contact {
            name: "Anna".to_owned(),
            door: true,
            key: "code".to_owned(),
            given: "\"1x\"".to_owned(),
            wanted: "keys".to_owned(),
        },
        Problem::NoRules,
        Problem::NoRule("8".to_owned()),
        Problem::TooManyRules(10_000),
        Problem::Rule {
            rule: "Neighbours".to_owned(),
            key: "account".to_owned(),
            given: "3".to_owned(),
            problem: "is not one of auto, 1, 2".to_owned(),
        },
    ];
    let files = [
        FileFault::NoRoom,
        FileFault::ReadOnly,
        FileFault::NotAllowed,
        FileFault::Missing,
        FileFault::Busy,
        FileFault::TooLarge(16 << 20),
        FileFault::NoFile,
        FileFault::Link,
        FileFault::NotText,
        FileFault::NotDone,
        FileFault::WriterGone,
        system_fault(),
    ];
    let devices = [
        DeviceFault::None,
        DeviceFault::NotNamed("USB".to_owned()),
        DeviceFault::Unusable("USB".to_owned()),
        DeviceFault::Gone,
        DeviceFault::Denied,
        DeviceFault::Busy,
        DeviceFault::Stalled,
        DeviceFault::NoAnswer,
        DeviceFault::File(FileFault::NotAllowed.of("/a.wav")),
        DeviceFault::NotWav("/a.wav".into()),
        DeviceFault::System("EIO".to_owned()),
    ];
    let plugins = |show, send| NoticeKind::MissingPlugins { show, send, packages: vec!["gstreamer1.0-plugins-bad"] };
    let mut kinds = vec![
        port(PortTrouble::Taken, false),
        port(PortTrouble::Taken, true),
        port(PortTrouble::NotAllowed, false),
        port(PortTrouble::System("EIO".to_owned()), true),
        NoticeKind::SettingsDamaged("/etc/config.toml.damaged-1".to_owned()),
        NoticeKind::Sound(SoundFault { microphone: None, loudspeaker: Some(DeviceFault::Gone) }),
        NoticeKind::Sound(SoundFault { microphone: Some(DeviceFault::None), loudspeaker: Some(DeviceFault::None) }),
        NoticeKind::Sound(SoundFault { microphone: Some(DeviceFault::None), loudspeaker: Some(DeviceFault::Busy) }),
        plugins(vec!["H264", "VP8"], vec![]),
        plugins(vec![], vec!["VP8"]),
        plugins(vec!["H264"], vec!["VP8"]),
    ];
    let board = [
        BoardTrouble::File(FileFault::NotAllowed.of("/sys/class/backlight/panel/brightness")),
        BoardTrouble::File(FileFault::Missing.of("/sys/bus/iio/devices")),
        BoardTrouble::NoChip("/dev/null".into()),
        BoardTrouble::NoLine { chip: "/dev/gpiochip0".into(), line: 40, lines: 32 },
    ];
    kinds
        .extend(BoardDevice::ALL.into_iter().zip(board).map(|(device, trouble)| NoticeKind::Board { device, trouble }));
    kinds.extend(problems.map(NoticeKind::SettingsLine));
    for fault in files {
        kinds.push(NoticeKind::SettingsNotSaved(fault.clone().of("/config.toml")));
        kinds.push(NoticeKind::LogNotSaved(fault.clone().of("/calls.jsonl")));
        kinds.push(NoticeKind::PicturesNotKept(fault.of("/1-2.jpg")));
    }
    kinds.extend(devices.map(|fault| NoticeKind::Sound(SoundFault { microphone: Some(fault), loudspeaker: None })));
    kinds
}

fn system_fault() -> FileFault {
    FileFault::System("EIO".to_owned())
}

/// Everything that can be wrong with a file of certificates or keys.
pub(in crate::ui) fn certificate_faults() -> Vec<CertificateFault> {
    use CertificateFault as F;
    vec![
        F::File(FileFault::Missing),
        F::Nothing,
        F::DamagedPem,
        F::Damaged(2),
        F::NoCertificate,
        F::NoKey,
        F::ManyKeys(2),
        F::Locked,
        F::UnknownKey,
        F::NoPair,
        F::OtherKey("panel.key".to_owned()),
        F::OtherCertificate("panel.pem".to_owned()),
        F::KeyBeside("panel.key".to_owned()),
        F::Other { file: "panel.pem".to_owned(), fault: Box::new(F::Locked) },
        F::Alone(CertificateRole::Client),
        F::Alone(CertificateRole::Key),
        F::Folder(FileFault::ReadOnly.of("/var/lib/vestibule/certificates")),
        F::FolderFull { folder: "/var/lib/vestibule/certificates".into(), held: 64 },
        F::SameName("/var/lib/vestibule/certificates".into()),
    ]
}

/// Everything that can be wrong with a file of contacts, beside what can be wrong with any file.
pub(in crate::ui) fn contact_file_faults() -> Vec<Unusable> {
    vec![Unusable::Empty, Unusable::NoColumns]
}
