//! A panel that is a machine: QEMU with the disk that `packaging/image` made.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::port::Port;
use super::qmp::Qmp;
use super::shell::Shell;
use crate::rigs::flat::Photograph;
use crate::rigs::process::Program;

/// The host as the machine sees it; its end of the wire between them is [`WIRE`].
pub const HOST: &str = "10.0.2.2";
/// The machine as the host sees it.
pub const PANEL: &str = "10.0.2.15";
/// The network interface that `./dev kiosk-test` makes on the host.
pub const WIRE: &str = "tap0";

/// Longer than anything here may take on a busy machine without KVM.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// A touch that did nothing is repeated after this, as a person would.
const AGAIN: Duration = Duration::from_secs(3);
/// How often the panel is asked for its status: that costs an emulated processor some of its time.
const LOOK: Duration = Duration::from_millis(100);

/// Where the machine's files are: what `packaging/image` was given.
fn place() -> PathBuf {
    let named = std::env::var_os("VESTIBULE_KIOSK").map(PathBuf::from);
    named.unwrap_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).join("../kiosk"))
}

/// Where the program is that the panel is measured beside, inside the machine.
pub const BARE: &str = "/var/lib/vestibule/bare";

/// How a picture gets on the glass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glass {
    /// Through DRM; 1024×600.
    Drm,
    /// Through the framebuffer that the kernel finds when it starts (vesafb), with no driver for the screen; 1024×768.
    Framebuffer,
}

impl Glass {
    /// Width and height in pixels.
    pub fn size(self) -> (u32, u32) {
        match self {
            Self::Drm => (1024, 600),
            Self::Framebuffer => (1024, 768),
        }
    }

    fn arguments(self) -> [&'static str; 2] {
        ["-device", if self == Self::Drm { "bochs-display,xres=1024,yres=600" } else { "VGA" }]
    }

    fn kernel(self) -> &'static str {
        match self {
            Self::Drm => "",
            // 1024×768 in 32 bits.
            Self::Framebuffer => "vga=0x344 modprobe.blacklist=bochs",
        }
    }
}

/// How the machine is started.
#[derive(Clone, Debug)]
pub struct Plan {
    pub glass: Glass,
    /// Whether the picture is turned to the right by 90°, as on a glass that hangs on its side.
    pub turned: bool,
    /// The lines of `/etc/default/vestibule`.
    pub options: String,
    /// The settings that are on its disk.
    pub settings: String,
    /// Where its sound goes and comes from, in the words of `-audiodev`.
    pub sound: String,
    /// Whether [`BARE`] is on its disk.
    pub has_bare: bool,
}

impl Plan {
    /// DRM and no sound.
    pub fn plain(settings: &str) -> Self {
        Self {
            glass: Glass::Drm,
            turned: false,
            options: String::new(),
            settings: settings.to_owned(),
            sound: "none".to_owned(),
            has_bare: false,
        }
    }
}

/// What a program uses.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Resident, in KiB.
    pub memory: u64,
    /// Of that what is its own, and not a file that is read again when it is needed.
    pub own: u64,
    /// Since its start, in the machine's own time.
    pub processor: Duration,
}

/// What a machine writes to; all of it is in the directory of the test.
const DISKS: [&str; 2] = ["root.qcow2", "data.img"];

/// A running machine.
pub struct Machine {
    // Ended before its directory is taken away.
    qemu: Option<Program>,
    pub qmp: Qmp,
    pub shell: Shell,
    pub port: Port,
    plan: Plan,
    directory: tempfile::TempDir,
    /// When its power was switched on.
    pub begun: Instant,
}

impl Machine {
    /// Switches one on. It is not waited for.
    pub fn start(plan: Plan) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let at = |name: &str| directory.path().join(name);
        std::fs::copy(place().join("data.img"), at("data.img")).expect("packaging/image has made the disks");
        let root = place().join("root.img").canonicalize().expect("as above");
        let make = ["create", "-q", "-f", "qcow2", "-F", "raw", "-b"];
        let made = Command::new("qemu-img").args(make).args([&root, &at("root.qcow2")]).status();
        assert!(made.expect("qemu-img is in qemu-utils").success());
        let mut orders = String::new();
        for (name, text) in [("config.toml", &plan.settings), ("options", &plan.options)] {
            std::fs::write(at(name), text).expect("written");
            orders.push_str(&format!("write {} {name}\n", at(name).display()));
        }
        if plan.has_bare {
            orders.push_str(&format!("write {} bare\n", place().join("bare").display()));
        }
        put(&at("data.img"), &orders, directory.path());
        let (qemu, begun) = switch_on(&plan, directory.path(), &[]);
        let (qmp, shell, port) = (Qmp::connect(&at("qmp")), Shell::connect(&at("shell")), Port::connect(&at("panel")));
        Self { qemu: Some(qemu), qmp, shell, port, plan, directory, begun }
    }

    /// Pulls the plug: QEMU is killed, and whatever was not on the disk is lost.
    pub fn cut_power(&mut self) {
        self.qemu = None;
    }

    /// Switches it on again, with the disks as they are.
    pub fn power_on(&mut self) {
        self.power_on_with(&[]);
    }

    fn power_on_with(&mut self, more: &[&str]) {
        self.cut_power();
        for socket in ["qmp", "shell", "panel"] {
            // A killed QEMU leaves its sockets, and they would be taken for those of the next.
            std::fs::remove_file(self.file(socket)).expect("QEMU made it");
        }
        let (qemu, begun) = switch_on(&self.plan, self.directory.path(), more);
        self.qemu = Some(qemu);
        self.begun = begun;
        self.qmp = Qmp::connect(&self.file("qmp"));
        self.shell = Shell::connect(&self.file("shell"));
        self.port = Port::connect(&self.file("panel"));
    }

    /// Keeps the machine as it is now, memory and disks, and switches it off.
    pub fn freeze(&mut self) {
        self.qmp.run("stop", json!({}));
        let file = self.file("memory");
        self.qmp.run("migrate", json!({"uri": format!("exec:cat >{}", file.display())}));
        let begun = Instant::now();
        while self.qmp.run("query-migrate", json!({}))["status"] != "completed" {
            assert!(begun.elapsed() < PATIENCE, "the memory is not written");
            std::thread::sleep(Duration::from_millis(100));
        }
        self.cut_power();
        for disk in DISKS {
            std::fs::rename(self.file(disk), self.file(&format!("{disk}.frozen"))).expect("both are in the directory");
        }
    }

    /// Goes on from where it was frozen, as often as wanted.
    pub fn thaw(&mut self) {
        for disk in DISKS {
            std::fs::copy(self.file(&format!("{disk}.frozen")), self.file(disk)).expect("it was frozen");
        }
        let memory = format!("exec:cat {}", self.file("memory").display());
        self.power_on_with(&["-incoming", &memory]);
        let begun = Instant::now();
        while self.qmp.run("query-status", json!({}))["status"] == "inmigrate" {
            assert!(begun.elapsed() < PATIENCE, "the memory is not read");
            std::thread::sleep(Duration::from_millis(20));
        }
        self.qmp.run("cont", json!({}));
    }

    /// A file of its directory.
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// What the panel answers, or why it does not do what is asked.
    pub fn ask(&mut self, request: &Value) -> Result<Value, String> {
        let mut answer = self.port.ask(request);
        if answer["ok"] == true { Ok(answer["result"].take()) } else { Err(format!("{request}: {}", answer["error"])) }
    }

    /// The state of the panel; null while it has none.
    pub fn status(&mut self) -> Value {
        self.ask(&json!({"do": "status"})).unwrap_or_default()
    }

    /// Waits until the status is as it should be, and gives it.
    pub fn wait(&mut self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let status = self.status();
            if is_so(&status) {
                return status;
            }
            if begun.elapsed() > PATIENCE {
                panic!("it never came true that {what}; the status is {status:#}");
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Waits from power-on until the panel shows this page.
    pub fn wait_for_screen(&mut self, page: &str) -> Value {
        self.shell.wait();
        self.wait(&format!("the screen is {page}"), |status| status["screen"] == page)
    }

    /// Where something is on the glass.
    pub fn find(&mut self, label: &str) -> Result<(u32, u32), String> {
        let place = self.ask(&json!({"do": "find", "label": label}))?;
        let axis = |name: &str| place[name].as_u64().and_then(|at| u32::try_from(at).ok());
        axis("x").zip(axis("y")).ok_or_else(|| format!("no place: {place}"))
    }

    /// Touches what bears the label.
    pub fn touch(&mut self, label: &str) {
        let at = self.find(label).unwrap_or_else(|error| panic!("{label}: {error}"));
        self.put_finger_on(at);
    }

    /// Touches a point of the picture.
    fn put_finger_on(&mut self, (x, y): (u32, u32)) {
        let (width, height) = self.plan.glass.size();
        let at = if self.plan.turned { (width - 1 - y, x) } else { (x, y) };
        self.qmp.touch(at, (width, height));
    }

    /// Touches what bears the label until something comes of it: for the first moment a screen is deaf to fingers.
    pub fn touch_until(&mut self, label: &str, done: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        let mut touched: Option<Instant> = None;
        loop {
            let mut last = Ok(());
            if touched.is_none_or(|at| at.elapsed() > AGAIN) {
                last = self.find(label).map(|at| self.put_finger_on(at));
                touched = Some(Instant::now());
            }
            let status = self.status();
            if done(&status) {
                return status;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "touching {label} came to nothing; the finger: {last:?}, the status: {status:#}"
            );
            std::thread::sleep(LOOK);
        }
    }

    /// What is on the glass, as it is looked at.
    pub fn photograph(&mut self) -> Photograph {
        let file = self.file("screen.png");
        let glass = self.qmp.photograph(&file);
        if self.plan.turned { glass.turned_left() } else { glass }
    }

    /// Keeps a picture of the glass for people to look at.
    pub fn keep(&mut self, name: &str) {
        let folder = place().join("shown");
        std::fs::create_dir_all(&folder).expect("the place can be written to");
        self.photograph();
        std::fs::copy(self.file("screen.png"), folder.join(format!("{name}.png"))).expect("it was just taken");
    }

    /// The picture that the panel itself says it shows.
    pub fn meant(&mut self) -> Photograph {
        self.ask(&json!({"do": "screenshot", "file": "/run/vestibule/screen.png"})).expect("the panel has a screen");
        self.fetch("/run/vestibule/screen.png")
    }

    /// A picture inside the machine.
    pub fn fetch(&mut self, file: &str) -> Photograph {
        let text = self.shell.run(&format!("base64 -w0 {file}"));
        let bytes = data_encoding::BASE64.decode(text.as_bytes()).expect("it is base64");
        let file = self.file("meant.png");
        std::fs::write(&file, bytes).expect("written");
        Photograph::read(&file)
    }

    /// What the panel has used so far.
    pub fn usage(&mut self) -> Usage {
        let line = "pid=$(systemctl show -P MainPID vestibule); grep -e VmRSS -e RssAnon /proc/$pid/status; cat /proc/$pid/stat; \
                    getconf CLK_TCK";
        let text = self.shell.run(line);
        let words: Vec<&str> = text.split_whitespace().collect();
        let kib = |at: usize| words[at].parse().expect("the kernel gives numbers");
        // Two lines of a name, a number and kB.
        let (memory, own) = (kib(1), kib(4));
        // The name, in parentheses, has no blanks; 14 and 15 are the times in the program and for it in the kernel.
        let stat = &words[6..];
        let time = |at: usize| stat[at - 1].parse::<f64>().expect("the kernel gives numbers");
        let ticks: f64 = stat[stat.len() - 1].parse().expect("so does getconf");
        Usage { memory, own, processor: Duration::from_secs_f64((time(14) + time(15)) / ticks) }
    }

    /// Waits until systemd knows that the panel is up.
    pub fn wait_until_up(&mut self) {
        self.shell.run("until [ \"$(systemctl show -P ActiveState vestibule)\" = active ]; do sleep 0.1; done");
    }

    /// How long a systemd timestamp of the panel's unit is after another.
    pub fn between(&mut self, from: &str, to: &str) -> Duration {
        let mut moment = |name: &str| {
            let text = self.shell.run(&format!("systemctl show -P {name}TimestampMonotonic vestibule"));
            Duration::from_micros(text.parse().expect("systemd counts microseconds"))
        };
        let from = moment(from);
        moment(to).checked_sub(from).unwrap_or_else(|| panic!("{to} was before"))
    }

    /// How many times slower the machine is than the host, now: by a loop of the shell.
    pub fn slowness(&mut self) -> f64 {
        let count = |to: u32| format!("i=0; while [ $i -lt {to} ]; do i=$((i+1)); done");
        let (much, little) = (300_000, 15_000);
        let begun = Instant::now();
        assert!(Command::new("dash").args(["-c", &count(much)]).status().expect("dash is in every Debian").success());
        let here = begun.elapsed().as_secs_f64() / f64::from(much);
        let begun = Instant::now();
        self.shell.run(&format!("dash -c '{}'", count(little)));
        begun.elapsed().as_secs_f64() / f64::from(little) / here
    }
}

/// Starts QEMU; and when.
fn switch_on(plan: &Plan, directory: &Path, more: &[&str]) -> (Program, Instant) {
    let at = |name: &str| directory.join(name).display().to_string();
    let of = |name: &str| place().join(name).display().to_string();
    let kernel = format!(
        "console=tty0 console=ttyS0 quiet loglevel=1 consoleblank=0 vt.global_cursor_default=0 mitigations=off nokaslr \
         tsc=reliable no_timer_check panic=-1 {}",
        plan.glass.kernel()
    );
    // Inside a virtual machine, as in CI, KVM is slower than an emulated processor, where it is there at all.
    let kvm: &[&str] = if std::env::var_os("VESTIBULE_KVM").is_some() { &["-accel", "kvm"] } else { &[] };
    let mut arguments = Vec::new();
    let mut add = |words: &[&str]| arguments.extend(words.iter().map(PathBuf::from));
    add(kvm);
    add(&["-accel", "tcg,thread=multi", "-smp", "2", "-m", "1024"]);
    add(&["-nodefaults", "-no-user-config", "-display", "none"]);
    add(&["-kernel", &of("vmlinuz"), "-initrd", &of("initrd"), "-append", &kernel]);
    add(&["-serial", &format!("file:{}", at("console"))]);
    add(&["-qmp", &format!("unix:{},server=on,wait=off", at("qmp"))]);
    add(&["-drive", &format!("file={},if=virtio", at("root.qcow2"))]);
    add(&["-drive", &format!("file={},format=raw,if=virtio,cache=writethrough", at("data.img"))]);
    add(&["-netdev", &format!("tap,id=wire,ifname={WIRE},script=no,downscript=no")]);
    add(&["-device", "virtio-net-pci,netdev=wire,romfile=", "-device", "virtio-rng-pci"]);
    add(&["-chardev", &format!("socket,id=trial,path={},server=on,wait=off", at("shell"))]);
    add(&["-chardev", &format!("socket,id=panel,path={},server=on,wait=off", at("panel"))]);
    add(&["-device", "virtio-serial-pci", "-device", "virtserialport,chardev=trial,name=trial"]);
    add(&["-device", "virtserialport,chardev=panel,name=panel"]);
    add(&["-device", "qemu-xhci", "-device", "usb-tablet"]);
    add(&["-audiodev", &format!("{},id=sound", plan.sound)]);
    add(&["-device", "intel-hda", "-device", "hda-duplex,audiodev=sound"]);
    add(&plan.glass.arguments());
    add(more);
    let arguments: Vec<&Path> = arguments.iter().map(PathBuf::as_path).collect();
    let begun = Instant::now();
    (Program::start("qemu-system-x86_64", "qemu-system-x86", &arguments, &directory.join("qemu.log")), begun)
}

impl Drop for Machine {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let read =
                |name: &str| String::from_utf8_lossy(&std::fs::read(self.file(name)).unwrap_or_default()).into_owned();
            eprintln!("QEMU: {}\nthe console of the machine:\n{}", read("qemu.log"), read("console"));
            if self.qemu.is_some() {
                let kept = place().join("failed.png");
                self.qmp.run("screendump", json!({"filename": kept, "format": "png"}));
                eprintln!("the screen is in {}", kept.display());
            }
        }
    }
}

/// Writes files into a disk that no machine has.
fn put(disk: &Path, orders: &str, directory: &Path) {
    let file = directory.join("orders");
    std::fs::write(&file, orders).expect("written");
    let out = Command::new("debugfs").arg("-w").arg("-f").args([&file, &disk.to_owned()]).output();
    let out = out.expect("debugfs is in e2fsprogs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}
